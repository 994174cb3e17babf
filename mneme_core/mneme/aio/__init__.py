"""The async driver, by subject: the twin of `mneme.sync` with `await` added."""
