"""What a JSON Schema cannot say about requests.

Generated requests that break rules between parameters are left out. A body that is to be accepted names what exists,
and keeps the rules between its fields; all else in it stays as it was generated. Bodies that are to be refused are not
touched.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import time
import unicodedata
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl, quote, urlsplit

import requests
import schemathesis

PAGE_DEPTH_MAX = 10_000
PRODUCTS = (1, 2, 3)
CENTS = 990


# Staff may name every user. By role.
TOKENS = {"admin": os.environ["ADMIN_TOKEN"], "ops": os.environ["OPS_TOKEN"]}


class Provider(requests.auth.AuthBase):
    """A payment provider, which signs each request as it is sent."""

    def __init__(self, entry):
        self.name, _role, key = entry.split(":")
        self.key = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))

    def __call__(self, request):
        target = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        pairs = parse_qsl(target.query, keep_blank_values=True)
        pairs = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in pairs)
        moment, nonce = str(int(time.time())), secrets.token_hex(16)
        lines = [
            "flashorder-hmac-sha256",
            self.name,
            request.method,
            target.path,
            "&".join(f"{name}={value}" for name, value in pairs),
            hashlib.sha256(body).hexdigest(),
            moment,
            nonce,
        ]
        digest = hmac.new(self.key, "\n".join(lines).encode(), hashlib.sha256).digest()
        signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        request.headers["Authorization"] = (
            f"HMAC-SHA256 key={self.name}, time={moment}, nonce={nonce}, signature={signature}"
        )
        return request


PROVIDER = Provider(os.environ["PROVIDER_KEY"])


@schemathesis.auth(refresh_interval=None)
class Caller:
    """A caller whom the operation admits."""

    def get(self, case, context):
        security = case.operation.definition.raw["security"]
        first = security[0] if security else {}
        if "signature" in first:
            return PROVIDER
        roles = first.get("accessToken", [])
        return next((token for role, token in TOKENS.items() if role in roles), None)

    def set(self, case, known, context):
        if known is PROVIDER:
            case._auth = known
        elif known is not None:
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {known}"


def whole(value):
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def is_invisible(char):
    """Formats, and what is to be ignored where it is unknown."""
    return unicodedata.category(char) in ("Cf", "Zl", "Zp") or "\U000e0000" <= char <= "\U000e0fff"


def is_user(text):
    """Whether a text that fits the pattern names a user: digits, `user_` and digits, or no number at all."""
    text = str(text)
    if any(map(is_invisible, text)):
        return False
    rest = text[5:] if text[:5].lower() == "user_" else text
    if re.fullmatch(r"(user_)?[0-9]+", text):
        return 0 < int(rest) < 2**62
    if rest.strip().isnumeric():
        return False
    try:
        float(rest.replace("_", ""))
        return not re.search(r"[0-9]", rest)
    except ValueError:
        return True


def users(case):
    """Every user that a request names."""
    places = [case.path_parameters, case.query, case.body if isinstance(case.body, dict) else {}]
    named = [place.get("user_id") for place in places if place]
    if "/users/" in case.operation.path:
        named.append((case.path_parameters or {}).get("id"))
    return [user for user in named if user not in (None, "")]


@schemathesis.hook
def filter_case(context, case):
    query = case.query or {}
    if case.meta.generation.mode.is_positive and not all(map(is_user, users(case))):
        return False
    page, size = whole(query.get("page") or 1), whole(query.get("page_size") or 10)
    if page is not None and size is not None and page * size > PAGE_DEPTH_MAX:
        return False
    # Most texts name no order.
    name = query.get("order_no")
    if case.meta.generation.mode.is_positive and name and not re.fullmatch(r"[1-9]\d{0,17}", str(name)):
        return False
    # `from` must be before `to`, and a cursor is one that a reply gave.
    return not ("from" in query and "to" in query) and "cursor" not in query


def like(spelling, number):
    """The number, as a text where `spelling` is one."""
    return str(number) if isinstance(spelling, str) else number


def bounded(value, most):
    """A generated number of units, of those that are there."""
    return value if isinstance(value, int) and 1 <= value <= most else (whole(value) or 0) % most + 1


def amount(spelling, cents):
    return like(spelling, f"{cents / 100:.2f}" if isinstance(spelling, str) else cents / 100)


def cents(spelling):
    """A generated amount without parts of a cent."""
    try:
        value = Decimal(str(spelling))
        return amount(spelling, int(value * 100) % 1_000_000 if value.is_finite() and value < 10**8 else CENTS)
    except (InvalidOperation, OverflowError):
        return amount(spelling, CENTS)


def line(body, product):
    """One product at its price, without variants."""
    body["product_id"] = like(body.get("product_id"), product)
    body["quantity"] = bounded(body.get("quantity"), 1_000)
    if body.get("sku_id") is not None:
        body["sku_id"] = like(body["sku_id"], 0)
    if body.get("price") is not None:
        body["price"] = amount(body["price"], CENTS)


def order(body):
    address = body.get("shipping_address")
    if isinstance(address, (dict, list)) and len(str(address)) > 200:
        body["shipping_address"] = {}
    items = body.get("items")
    if items is not None:
        for field in ("product_id", "sku_id", "quantity", "price", "amount"):
            body.pop(field, None)
        body["items"] = items[: len(PRODUCTS)]
        for item, product in zip(body["items"], PRODUCTS):
            line(item, product)
        return
    line(body, PRODUCTS[0])
    if body.get("amount") is not None:
        body["amount"] = amount(body["amount"], CENTS * body["quantity"])


def product(body):
    body["price"] = cents(body["price"])
    if body.get("skus") is not None:
        body.pop("stock", None)
        # An id is the same number in every spelling.
        skus = {Decimal(str(sku["sku_id"])): sku for sku in body["skus"]}
        body["skus"] = list(skus.values())
    elif body.get("stock") is None:
        body["stock"] = 1


def patch(body):
    if "price" in body:
        body["price"] = cents(body["price"])
    # The other requests order these products at their price.
    body.pop("status", None)
    body.pop("price", None)


def stock_change(body):
    body["change"] = bounded(body["change"], 1_000)
    body.pop("create", None)


def flash_sale(body):
    now = int(time.time() * 1000)
    body["product_id"] = like(body["product_id"], PRODUCTS[0])
    if body.get("sku_id") is not None:
        body["sku_id"] = like(body["sku_id"], 0)
    body["price"] = cents(body["price"])
    body["stock"] = bounded(body["stock"], 100)
    if body.get("per_user_limit") is not None:
        body["per_user_limit"] = 1
    body["starts_at"], body["ends_at"] = now - 1_000, now + 3_600_000


def named(body):
    """A flash sale, by its product at least, and with no other sale's product."""
    if body.get("seckill_id") and body.get("product_id") is not None:
        body.pop("product_id")
    if not body.get("seckill_id") and not body.get("seckill_ids") and not body.get("product_ids"):
        body["product_id"] = like(body.get("product_id"), PRODUCTS[0])


def payment(body):
    if body.get("order_id") is None:
        body["order_id"] = "1"
    if not body.get("payment_id"):
        body["payment_id"] = "p-1"
    body["amount"] = amount(body.get("amount"), CENTS)


def paying(body):
    if body.get("amount") is not None:
        body["amount"] = amount(body["amount"], CENTS)


def login(body):
    body["username"], body["password"] = os.environ["LOGIN_NAME"], os.environ["LOGIN_PASSWORD"]


RULES = {
    "login": login,
    "createOrder": order,
    "createApiOrder": order,
    "createEnvelopeOrder": order,
    "createProduct": product,
    "patchProduct": patch,
    "changeStock": stock_change,
    "announceSeckill": flash_sale,
    "preheatSeckills": named,
    "getSeckillToken": named,
    "reportPayment": payment,
    "payOrder": paying,
}


@schemathesis.hook
def before_call(context, case, **kwargs):
    body = case.body
    if not isinstance(body, dict) or not case.meta.generation.mode.is_positive:
        return
    name = case.operation.definition.raw.get("operationId")
    query, headers = case.query or {}, case.headers or {}
    # One user, and one key; where the operation needs one, it is there.
    if body.get("user_id") is not None:
        query.pop("user_id", None)
    elif name == "getSeckillToken" and "user_id" not in query:
        body["user_id"] = "user_7"
    if "Idempotency-Key" in headers:
        body.pop("idempotency_key", None)
    elif name == "changeStock" and body.get("idempotency_key") is None:
        body["idempotency_key"] = f"key-{time.time_ns()}"
    rule = RULES.get(name)
    if rule is not None:
        rule(body)
