"""Requests for the pages of a listing: the first is botocore's, the next ones follow in its steps.

botocore takes 2 ms of CPU to work out one request: where the bucket is, what the request looks
like, who signs it. For a later page of the same listing only the token differs. So the first
request is noted when it is about to be signed, and the next page is asked for by the same one with
another token, signed by botocore's signer and sent over the client's own connections.

Whatever becomes of that but a page that can be read, botocore asks for the page itself, as ever: it
knows regions, redirects and errors, and when to repeat a request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.hooks import first_non_none_response
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from sync_core.storage.s3_listing import Page, parse_page

if TYPE_CHECKING:
    from botocore.httpsession import URLLib3Session
    from botocore.signers import RequestSigner
    from mypy_boto3_s3 import S3Client

_OK = 200
_PAGE = "DualwayPage"
_TRAIL = "DualwayTrail"


@dataclass(frozen=True, slots=True)
class ListingVersion:
    """One version of ListObjects: what the request is called, and how it says where to begin.

    `first` is the parameter that names the key behind which a listing begins, `next` the one that
    continues it, and `token` the latter's name in a URL; `positions` are all that a URL may have.
    """

    operation: str
    method: str
    first: str
    next: str
    token: str
    positions: tuple[str, ...]

    @property
    def has_tokens(self) -> bool:
        """Tell whether an answer says how to continue; else it is by the last key."""
        return self.first != self.next

    def hooks(self) -> Mapping[str, Callable[..., None]]:
        """Return what has to be hooked into a client."""
        # Hooks with a wildcard run before those without (botocore.hooks, _PrefixTrie):
        # `_take_page` has to come before botocore's search for errors in good answers, which
        # builds a tree of the whole body.
        return {
            f"before-sign.s3.{self.operation}": partial(_note_request, self.positions),
            f"before-parse.*.{self.operation}": partial(_take_page, self.has_tokens),
            f"after-call.s3.{self.operation}": _hand_over,
        }


VERSIONS: Mapping[str, ListingVersion] = {
    "v1": ListingVersion("ListObjects", "list_objects", "Marker", "Marker", "marker", ("marker=",)),
    "v2": ListingVersion(
        "ListObjectsV2",
        "list_objects_v2",
        "StartAfter",
        "ContinuationToken",
        "continuation-token",
        ("continuation-token=", "start-after="),
    ),
}
"""By their names in `Dialect.listing`."""


@dataclass(frozen=True, slots=True)
class Trail:
    """A request as it was before it was signed, without its position in the listing."""

    version: ListingVersion
    client: "S3Client"
    session: "URLLib3Session"
    signer: "RequestSigner"
    url: str
    headers: Mapping[str, str]
    context: Mapping[str, Any]

    def page(self, token: str) -> Page | None:
        """Return the page that continues the listing, or None: botocore has to ask for it."""
        url = f"{self.url}&{self.version.token}={quote(token, safe='')}"
        request = AWSRequest("GET", url, headers=dict(self.headers))
        request.context = dict(self.context)
        # All of the body is read at once, not in the small pieces that botocore would make of it.
        request.stream_output = True
        try:
            self.signer.sign(self.version.operation, request)
            answer = self._sent(request.prepare())
            body: bytes = answer.raw.read()
        except (BotoCoreError, HTTPError):
            return None
        if answer.status_code != _OK:
            return None
        return parse_page(body, has_tokens=self.version.has_tokens)

    def _sent(self, request: Any) -> Any:
        event = f"before-send.s3.{self.version.operation}"
        events = self.client.meta.events.emit(event, request=request)
        return first_non_none_response(events) or self.session.send(request)


class Listing:
    """The requests of one listing, page after page, all of the same version."""

    def __init__(self, version: str) -> None:
        self._version = VERSIONS[version]
        self._trail: Trail | None = None

    def page(self, client: "S3Client", **parameters: Any) -> Page:
        """Send one request; but for its position it is the same as the one before.

        Raises what botocore raises, and `ResponseParserError` for a good answer that is no listing.
        """
        token = parameters.get(self._version.next)
        if token and self._trail and self._trail.client is client:
            page = self._trail.page(token)
            if page is not None:
                return page
        return self._by_botocore(client, parameters)

    def behind(self, key: str) -> Mapping[str, Any]:
        """Return the parameter that makes the listing begin behind a key."""
        return {self._version.first: key} if key else {}

    def after(self, token: str) -> Mapping[str, Any]:
        """Return the parameter that continues the listing."""
        return {self._version.next: token}

    def _by_botocore(self, client: "S3Client", parameters: Mapping[str, Any]) -> Page:
        for event, hook in self._version.hooks().items():
            client.meta.events.register(event, hook, unique_id=f"{_PAGE}.{event}")
        answer: Mapping[str, Any] = getattr(client, self._version.method)(**parameters)
        page: Page | None = answer.get(_PAGE)
        if page is None:
            raise ResponseParserError("the answer is no listing that can be read")
        # The client's connections, with its proxies, certificates and time-outs, are not public:
        # where a release of botocore has them elsewhere, it asks for every page.
        session = getattr(getattr(client, "_endpoint", None), "http_session", None)
        trail = (self._version, client, session, *answer[_TRAIL])
        self._trail = Trail(*trail) if session else None
        return page


def _note_request(
    positions: tuple[str, ...], request: Any, request_signer: "RequestSigner", **_: Any
) -> None:
    base, _, query = request.url.partition("?")
    kept = [part for part in query.split("&") if not part.startswith(positions)]
    # The numbers of a request and of its attempts are its own.
    headers = {
        name: value for name, value in request.headers.items() if not name.startswith("amz-sdk-")
    }
    request.context[_TRAIL] = request_signer, f"{base}?{'&'.join(kept)}", headers


def _take_page(
    has_tokens: bool,  # noqa: FBT001 - bound beforehand, because hooks take keywords only
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: Any,
) -> None:
    if response_dict["status_code"] != _OK:
        return
    page = parse_page(response_dict["body"], has_tokens=has_tokens)
    if page is not None:
        customized_response_dict[_PAGE] = page
        response_dict["body"] = b""


def _hand_over(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    trail = context.pop(_TRAIL, None)
    # An error's answer may be logged.
    if _PAGE in parsed:
        parsed[_TRAIL] = *trail, context
