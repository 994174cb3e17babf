"""What `looks_personal` recognises, what it leaves alone, and that no text makes it slow."""

import base64
import random
import string
import subprocess
import sys

import pytest

from mneme.pii import KINDS, kinds_of, looks_personal

PERSONAL = {
    "email": [
        "write to jane.doe+lists@example.co.uk please",
        "<Jané@exämple.org>",
        "mailto:a_b@c-d.io",
        "Is o'hara@mail.example.com right?",
        "jane\uff20example.org",
        "jane\ufe6bexample.org",
    ],
    "phone": [
        "call me on +44 20 7946 0958",
        "+1 (541) 754-3010",
        "tel:+4930123456",
        "541-754-3010",
        "my number is 5417543010",
        "(541) 754-3010 ext. 5",
        "1.541.754.3010",
        "ring 030 1234567 tomorrow",
        "079 2718 1155",
        "01.84.17.61.18",
        "0041 44 668 18 00",
        "phone: 7946 0958",
        "01\u202f84\u202f17\u202f61\u202f18",
    ],
    "card": [
        "4111 1111 1111 1111",
        "is 5500-0055-5555-5559 valid?",
        "378282246310005",
        "3782 822463 10005.",
        "6011000990139424",
        "on 2024-01-02 4111111111111111 was used",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20091111\u20091111\u20091111",
        "3782\u202f822463\u202f10005",
        "4111111111111111,12",
        "4111 1111 1111 1111,12,2027",
    ],
    "iban": [
        "GB82 WEST 1234 5698 7654 32",
        "de89370400440532013000",
        "to FR1420041010050500013M02606, please",
        "GB82\u00a0WEST\u00a01234\u00a05698\u00a07654\u00a032",
        "GB82\u2009WEST\u20091234\u20095698\u20097654\u200932",
    ],
    "ssn": ["my ssn is 078-05-1120"],
    "key": [
        "sk-abcdefgh1234567890ABCDEFGH",
        "sk-proj-" + "aB3dE6gH9jK2mN5p" * 2,
        "sk-ant-api03-" + "aB3dE6gH9jK2mN5p" * 2,
        "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2c3D4e5" * 4,
        "xoxb-123456789012-abcdefghij",
        "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"[:35],
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "-----BEGIN PRIVATE KEY-----",
        "the token is " + "k3Jd8Qm2Zx7Lp4Vn9Rt6Wb1Hc5Ys0Fg3Da.",
        "password: hunter2!",
        'api_key = "0123456789abcdef"',
    ],
}
ORDINARY = [
    "what happened on 2024-01-02, 02/01/2024 or 2.1.2024?",
    "2024-01-02 10:30:00 and 2024-01-02T10:30:00Z",
    "from 01-02-2024 to 03-04-2024, 9:30 - 17:00",
    "upgrade from 3.11.7 to 3.12.0rc1, or 1.2.3.4567",
    "where is order 112-1234567-1234567, #20240102001 or INV-2024-000123?",
    "what is 1,234,567,890 times 3.14159265358979?",
    "is 192.168.100.200 or 10.0.0.1:8080 reachable?",
    "ISBN 978-3-16-148410-0 and 0-306-40615-2",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8, md5 d41d8cd98f00b204e9800998ecf8427e",
    "550e8400-e29b-41d4-a716-446655440000 and 550E8400-E29B-41D4-A716-446655440000",
    "chatcmpl-BxYz1AbC2dEf3GhI4jKl5MnO6pQr7 and toolu_01A09q90qw90lq917835lq9",
    "lc_run--019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
    "call f(12) and text 3 of chapter 4",
    "1234567890123456 is no card, nor is 4111 1111 1111 1112",
    "the years 1990-1995 and 2001 2002 2003",
    "ZIP 12345-6789, 90210",
    "AbstractSingletonProxyFactoryBean2ConfigurationHolder",
    "git clone git@github.com:owner/repository.git",
    "pip install lodash@4.17.21 @decorator @ noon",
    "pk-and-foreign-keys-in-relational-tables, sk-learn-pipelines-and-estimators",
    "what does `password:` mean in docker-compose, and token = None?",
    "25\u202f000\u202f000 EUR, 4111111111111111.12 and 0.4111111111111111",
    "4111\u00a01111\u00a01111\u00a01112, 1234567890123456,12",
    "he ran 100 m in 9.58 s, 400 m in 43.03 s",
    "1764107365 seconds and 1764107365123 milliseconds since 1970",
    "a cheque of 1 000 000 EUR, 25 000 000 USD",
    "https://example.com/watch/a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6?id=42",
    "",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PERSONAL.items() for text in texts])
def test_it_is_recognised_for_what_it_is(kind, text):
    assert kind in kinds_of(text)
    assert looks_personal(f"Hello, {text}\nThanks")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_alone(text):
    assert kinds_of(text) == []


def test_random_tokens_are_recognised_nearly_always():
    drawn, signs = random.Random(5), string.ascii_letters + string.digits
    found = [looks_personal("".join(drawn.choices(signs, k=40))) for _ in range(1_000)]

    assert sum(found) > 985


def test_words_of_one_case_are_no_tokens():
    drawn = random.Random(5)
    texts = [drawn.randbytes(32).hex() for _ in range(200)]
    texts += [base64.b32encode(drawn.randbytes(30)).decode() for _ in range(200)]

    assert not any(looks_personal(text) for text in texts if not KINDS["card"](text))


PIECES = [
    *("a", "@", "a.", "a@b.", "a@b.c.", "4", "4111 ", "+1 (", "0 ", "(0", "eyJ", "eyJa.", "aB3", "GB82 ", "GB82"),
    *("-----BEGIN ", "sk-", "sk-a-", "call ", "password = ", "secret", " ", "-", ".", "é"),
    *("\u00a0", "\u202f", "\uff20", "a\uff20b.", "4111\u2009", "4111,", "GB82\u00a0", "0\u202f"),
]


def test_a_text_of_a_megabyte_is_read_in_linear_time():
    """All of them in seconds; what grows with the square of the length would take days. A pattern cannot be stopped
    but with its process."""
    program = "import sys; from mneme.pii import kinds_of; [kinds_of(p * (1_048_576 // len(p))) for p in sys.argv[1:]]"

    subprocess.run([sys.executable, "-c", program, *PIECES], check=True, timeout=120)


def test_a_lone_surrogate_is_read_too():
    assert kinds_of("\ud800 @ \ud800") == []


def test_it_loads_no_library():
    program = "import sys, mneme.pii; print({'numpy', 'pluggy', 'cryptography'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
