"""What the stores at hand can really do: S3's emulators have to honour what S3 honours."""

from sync_core.model import Capabilities
from sync_core.probe import probe
from sync_core.storage.memory import Versioning
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import Bench

KEY = ".dualway/probe-n1"


def test_a_store_like_s3_has_all_abilities_and_is_left_as_it_was(store: SyncStore) -> None:
    assert probe(store, "n1") == Capabilities()
    assert store.head(KEY) is None


def test_a_versioned_one_is_left_without_versions_and_delete_markers(objects: Bench) -> None:
    objects.version(Versioning.ON)
    assert probe(objects.store, "n1") == Capabilities(is_versioned=True)
    assert objects.store.versions(KEY, 9) == []
