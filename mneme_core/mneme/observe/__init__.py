"""Shows what a cache does: decisions, and what hears them."""

from mneme.observe.audit import AuditTrail
from mneme.observe.decisions import Decision, Observer, Stepper
from mneme.observe.logs import DecisionLog, JsonFormatter

__all__ = ["AuditTrail", "Decision", "DecisionLog", "JsonFormatter", "Observer", "Stepper"]
