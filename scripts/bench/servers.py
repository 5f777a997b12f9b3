"""Lean servers of one bucket's listing and of one table's records, each a process of its own.

They check no signature and know just the requests that a comparison makes: their only purpose is
that the client is what a measurement shows. The first line of output is the server's URL.
"""

import argparse
import json
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit
from xml.sax.saxutils import escape

import synthetic

from sync_core.records.dynamodb_item import SHARDS, primary_key
from sync_core.records.shown import to_shown

_PAGE_KEYS = 1000

Serve = Callable[["Handler"], tuple[str, bytes]]
"""Answers a request: the content type and the body."""


class Handler(BaseHTTPRequestHandler):
    """One connection; `serve` is set on a class of each server's own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    serve: Serve

    def answer(self) -> None:
        """Answer one request."""
        content_type, body = type(self).serve(self)
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def bucket(count: int, side: str) -> Serve:
    """Serve ListObjectsV2, without prefixes and delimiters, as S3 answers it."""
    keys = synthetic.keys(count)

    def entry(key: str) -> str:
        listed = synthetic.listed(key, side)
        return (
            f"<Contents><Key>{quote_plus(key, safe='/')}</Key>"
            f"<LastModified>{listed.modified}.000Z</LastModified>"
            f"<ETag>&quot;{listed.etag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
            f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{listed.size_bytes}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )

    def serve(handler: Handler) -> tuple[str, bytes]:
        query = {name: texts[0] for name, texts in parse_qs(urlsplit(handler.path).query).items()}
        if query.get("prefix") or query.get("delimiter") or query.get("encoding-type") != "url":
            raise ValueError(f"this server cannot answer {handler.path}")
        start = bisect_right(keys, query.get("continuation-token") or query.get("start-after", ""))
        page = keys[start : start + int(query.get("max-keys", _PAGE_KEYS))]
        goes_on = start + len(page) < len(keys)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" * goes_on
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{synthetic.BUCKETS[side]}</Name><Prefix></Prefix>"
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{_PAGE_KEYS}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(goes_on).lower()}</IsTruncated>"
            f"{token}{''.join(map(entry, page))}</ListBucketResult>"
        )
        return "application/xml", body.encode()

    return serve


def table(count: int) -> Serve:
    """Serve Query on the shards of the records; GetItem and PutItem know one control item each."""
    shards: dict[str, list[str]] = {shard: [] for shard in SHARDS}
    for key in synthetic.keys(count):
        shards[primary_key(key)["pk"]["S"]].append(key)
    control: dict[str, Any] = {}

    def item(key: str) -> dict[str, Any]:
        return {"sk": {"S": key}, "shown": {"S": to_shown(synthetic.recorded(key))}}

    def query(request: Mapping[str, Any]) -> dict[str, Any]:
        shard = request["ExpressionAttributeValues"][":pk"]["S"]
        keys = shards[shard]
        start = bisect_right(keys, request.get("ExclusiveStartKey", {}).get("sk", {}).get("S", ""))
        page = keys[start : start + request["Limit"]]
        answer = {"Items": [*map(item, page)], "Count": len(page), "ScannedCount": len(page)}
        if len(page) == request["Limit"]:
            answer["LastEvaluatedKey"] = {"pk": {"S": shard}, "sk": {"S": page[-1]}}
        return answer

    def put(request: Mapping[str, Any]) -> dict[str, Any]:
        written = request["Item"]
        control[json.dumps([written["pk"], written["sk"]])] = written
        return {}

    def get(request: Mapping[str, Any]) -> dict[str, Any]:
        found = control.get(json.dumps([request["Key"]["pk"], request["Key"]["sk"]]))
        return {"Item": found} if found else {}

    operations = {"Query": query, "PutItem": put, "GetItem": get}

    def serve(handler: Handler) -> tuple[str, bytes]:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        operation = handler.headers["X-Amz-Target"].rpartition(".")[2]
        answer = json.dumps(operations[operation](request), ensure_ascii=False)
        return "application/x-amz-json-1.0", answer.encode()

    return serve


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["own", "peer", "table"])
    parser.add_argument("--keys", type=int, required=True)
    asked = parser.parse_args()
    served = table(asked.keys) if asked.what == "table" else bucket(asked.keys, asked.what)
    handler = type("ServerHandler", (Handler,), {"serve": staticmethod(served)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
