"""A receipt handle that is no longer current is not an error of DeleteMessage.

AWS: deleting with an older receipt handle succeeds, and the message may stay
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html);
changing the visibility with one is refused as InvalidParameterValue.
Emulator: ReceiptHandleIsInvalid for both.
"""

import re
from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("stale receipt handles")
_MODULE = "services.sqs"

_ISSUED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REFUSED = "ReceiptHandleIsInvalid"


def install() -> None:
    """Answer as AWS does for handles that this emulator may have issued."""
    _SEAM.wrap_entry(_MODULE, "_HANDLERS", "DeleteMessage", _forgiving)
    _SEAM.wrap_entry(_MODULE, "_HANDLERS", "DeleteMessageBatch", _forgiving_batch)
    _SEAM.wrap_entry(_MODULE, "_HANDLERS", "ChangeMessageVisibility", _explaining)
    _SEAM.wrap_entry(_MODULE, "_HANDLERS", "ChangeMessageVisibilityBatch", _explaining_batch)


def _was_issued(entry: Any) -> bool:
    return bool(_ISSUED.fullmatch(entry.get("ReceiptHandle", "")))


def _forgiving(delete: Callable[..., Any]) -> Callable[..., Any]:
    refusal = _SEAM.take(_MODULE, "_Err")

    def deleted(request: Any, url: str) -> Any:
        try:
            return delete(request, url)
        except refusal as error:
            if error.code == _REFUSED and _was_issued(request):
                return {}
            raise

    return deleted


def _forgiving_batch(delete: Callable[..., Any]) -> Callable[..., Any]:
    def deleted(request: Any, url: str) -> Any:
        answer = delete(request, url)
        issued = {entry["Id"] for entry in request["Entries"] if _was_issued(entry)}
        forgiven = [failure for failure in answer["Failed"] if failure["Id"] in issued]
        return {
            "Successful": answer["Successful"] + [{"Id": failure["Id"]} for failure in forgiven],
            "Failed": [failure for failure in answer["Failed"] if failure not in forgiven],
        }

    return deleted


def _reason(receipt_handle: str) -> str:
    return (
        f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: Message does not "
        "exist or is not available for visibility timeout change."
    )


def _explaining(change: Callable[..., Any]) -> Callable[..., Any]:
    refusal = _SEAM.take(_MODULE, "_Err")

    def changed(request: Any, url: str) -> Any:
        try:
            return change(request, url)
        except refusal as error:
            if error.code == _REFUSED and _was_issued(request):
                reason = _reason(request["ReceiptHandle"])
                raise refusal("InvalidParameterValue", reason) from error
            raise

    return changed


def _explaining_batch(change: Callable[..., Any]) -> Callable[..., Any]:
    def changed(request: Any, url: str) -> Any:
        answer = change(request, url)
        handles = {
            entry["Id"]: entry["ReceiptHandle"]
            for entry in request["Entries"]
            if _was_issued(entry)
        }
        for failure in answer["Failed"]:
            if failure["Id"] in handles:
                failure["Code"] = "InvalidParameterValue"
                failure["Message"] = _reason(handles[failure["Id"]])
        return answer

    return changed
