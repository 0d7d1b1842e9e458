"""What the gRPC clients of the tests share."""

import grpc
from google.rpc import error_details_pb2, status_pb2

# Longer than any call takes.
SECONDS = 20
# What the shop's gateway sends for its staff, in mode `compat`.
ADMIN = ("x-flashorder-role", "admin")


def refused(status, error, call, field=None):
    """Checks that a call is refused with this status, code of the contract and field, in each place that says so."""
    try:
        answer = call()
    except grpc.RpcError as failure:
        said = failure
    else:
        raise AssertionError(f"{answer} instead of {status} {error}")
    trailers = dict(said.trailing_metadata())
    assert said.code() == status, f"{said.code()} instead of {status}: {said.details()}"
    assert trailers.get("x-error-code") == str(error), f"{trailers} instead of {error}"
    if "grpc-status-details-bin" not in trailers:
        assert field is None, f"no details: {trailers}"
        return
    details = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert details.code == status.value[0] and details.message == said.details()
    assert details.message.startswith(f"[{error}] "), details.message
    info = error_details_pb2.ErrorInfo()
    assert details.details[0].Unpack(info)
    assert info.domain == "flashorder" and info.metadata["code"] == str(error), info
    if field:
        bad = error_details_pb2.BadRequest()
        assert any(detail.Unpack(bad) for detail in details.details), details
        assert bad.field_violations[0].field == field, bad
