"""Error kinds that only a gateway has: what the way to an upstream, or the request's own shape, can do wrong."""

from judgify.kit.errors import JudgifyError


class BadGateway(JudgifyError):
    """The service behind the gateway refused or broke the connection."""

    status = 502
    slug = "bad-gateway"
    title = "Service did not answer properly"


class GatewayTimeout(JudgifyError):
    """The service behind the gateway did not answer in time."""

    status = 504
    slug = "gateway-timeout"
    title = "Service did not answer in time"


class MethodNotAllowed(JudgifyError):
    """This path does not answer that method."""

    status = 405
    slug = "method-not-allowed"
    title = "Method not allowed"


class RequestTimeout(JudgifyError):
    """The body stopped arriving; send the request again."""

    status = 408
    slug = "request-timeout"
    title = "Request took too long to arrive"


class AddressTooLong(JudgifyError):
    """The address of the request is longer than the gateway reads."""

    status = 414
    slug = "address-too-long"
    title = "Address too long"


class HeadersTooLarge(JudgifyError):
    """The headers are more or larger than the gateway reads."""

    status = 431
    slug = "headers-too-large"
    title = "Headers too large"
