"""The template parameters of a site, as they follow from the settings of both sides."""

from collections.abc import Mapping

from sync_core.launch.settings import LaunchSettings, SiteSettings


def template_parameters(
    settings: LaunchSettings, site: SiteSettings, peer_region: str, packages: Mapping[str, str]
) -> dict[str, str]:
    """Return all parameters with which the template is launched for `site`.

    `packages` are ArtifactBucket, LambdaPackage and, where there is one, FleetPackage.
    """
    peer = settings.peer_of(site)
    return {
        **({"PeerEndpoint": peer.endpoint_url} if peer.endpoint_url else {}),
        **site.parameters,
        **packages,
        **_of_own_store(settings, site),
        **_of_peer_store(settings, peer),
        "SiteName": site.name,
        "BucketName": site.bucket,
        "Prefix": site.prefix,
        "PeerSiteName": peer.name,
        "PeerBucketName": peer.bucket,
        "PeerPrefix": peer.prefix,
        "PeerRegion": peer_region,
    }


def _of_own_store(settings: LaunchSettings, site: SiteSettings) -> dict[str, str]:
    if site.is_in_aws:
        return {}
    given = {
        "StoreRegion": site.region,
        "StoreEndpoint": site.endpoint_url,
        "StoreUserIds": site.user_ids,
    }
    return {
        "StoreType": site.store,
        "StoreCredentialsSecret": settings.secret_of(site),
        **{name: value for name, value in given.items() if value},
    }


def _of_peer_store(settings: LaunchSettings, peer: SiteSettings) -> dict[str, str]:
    if peer.is_in_aws:
        return {}
    return {"PeerStoreType": peer.store, "PeerCredentialsSecret": settings.secret_of(peer)}
