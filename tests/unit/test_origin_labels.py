"""The labels that name the original: which ones a slim image gets, and which ones stay the app's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.origin_labels import labelled, registry_digest, without_origin
from slimmer.rebuild.dockerfile import render
from slimmer.verify.check import compare_configs
from slimmer.version import __version__

ID, OTHER_ID = "sha256:" + "1" * 64, "sha256:" + "2" * 64
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
CONFIG = ImageConfig(ID, "amd64", "linux", labels=(("app", "shop"),))
OURS = {"io.slimmer.version": __version__, "io.slimmer.original.id": ID}
OCI = "org.opencontainers.image.base."
BASE = {f"{OCI}name", f"{OCI}digest"}


def test_a_local_image_is_named_by_its_id_alone() -> None:
    assert dict(labelled(CONFIG).labels) == {"app": "shop", **OURS}
    assert replace(labelled(CONFIG), labels=CONFIG.labels) == CONFIG


def test_an_image_of_a_registry_is_named_by_its_digest_too() -> None:
    found = dict(labelled(replace(CONFIG, digests=(f"shop@{DIGEST}",)), "shop:1.4").labels)
    assert found == {
        "app": "shop",
        **OURS,
        "io.slimmer.original.digest": DIGEST,
        "org.opencontainers.image.base.name": "docker.io/library/shop",
        "org.opencontainers.image.base.digest": DIGEST,
    }


@pytest.mark.parametrize("name", sorted(BASE))
def test_the_apps_own_base_is_not_overwritten(name: str) -> None:
    config = replace(CONFIG, labels=((name, "theirs"),), digests=(f"shop@{DIGEST}",))
    found = dict(labelled(config).labels)
    assert {key: found.get(key) for key in BASE} == {**dict.fromkeys(BASE), name: "theirs"}
    assert found["io.slimmer.original.digest"] == DIGEST
    assert without_origin(labelled(config)) == config


def test_a_slim_image_of_a_slim_image_names_that_one() -> None:
    first = replace(labelled(replace(CONFIG, digests=(f"shop@{DIGEST}",))), image_id=OTHER_ID, digests=())
    assert dict(labelled(first).labels) == {"app": "shop", **OURS, "io.slimmer.original.id": OTHER_ID}
    pushed = labelled(replace(first, digests=(f"host:5000/slim@{OTHER}",)))
    assert dict(pushed.labels)["org.opencontainers.image.base.name"] == "host:5000/slim"
    assert dict(pushed.labels)["org.opencontainers.image.base.digest"] == OTHER
    assert without_origin(pushed).labels == CONFIG.labels


def test_other_labels_with_the_prefix_are_the_apps() -> None:
    config = replace(CONFIG, labels=(("io.slimmer.else", "1"),))
    assert dict(labelled(config).labels) == {"io.slimmer.else": "1", **OURS}
    assert without_origin(labelled(config)) == config


@pytest.mark.parametrize(
    ("digests", "target", "found"),
    [
        ((), "shop", None),
        ((f"b@{OTHER}", f"a@{DIGEST}"), "", ("a", DIGEST)),
        ((f"b@{OTHER}", f"a@{DIGEST}"), "b:1", ("b", OTHER)),
        ((f"b@{OTHER}", f"a@{DIGEST}"), ID, ("a", DIGEST)),
        ((f"docker.io/library/b@{OTHER}", f"a@{DIGEST}"), "b", ("docker.io/library/b", OTHER)),
        ((f"<none>@{DIGEST}", f"slimmer.local/tmp@{DIGEST}"), "", None),
        ((f"localhost:5000/shop@{DIGEST}",), "not a reference", ("localhost:5000/shop", DIGEST)),
    ],
)
def test_the_digest_in_a_registry(digests: tuple[str, ...], target: str, found: tuple[str, str] | None) -> None:
    assert registry_digest(digests, target) == found


@pytest.mark.parametrize(
    ("repository", "full"),
    [
        ("shop", "docker.io/library/shop"),
        ("team/shop", "docker.io/team/shop"),
        ("docker.io/team/shop", "docker.io/team/shop"),
        ("registry.example/shop", "registry.example/shop"),
        ("localhost:5000/shop", "localhost:5000/shop"),
    ],
)
def test_the_base_has_its_full_name(repository: str, full: str) -> None:
    found = dict(labelled(replace(CONFIG, digests=(f"{repository}@{DIGEST}",))).labels)
    assert found["org.opencontainers.image.base.name"] == full


@pytest.mark.parametrize(("repository", "names"), [("shop", BASE - {f"{OCI}name"}), ("host:5000/shop", BASE)])
def test_a_store_of_manifests_knows_the_digest_of_a_local_image_but_no_registry(
    repository: str, names: set[str]
) -> None:
    """As Docker's containerd store, where the ID is the digest. Such an image need not be in the registry that its name means."""
    config = replace(CONFIG, image_id=DIGEST, digests=(f"{repository}@{DIGEST}",))
    found = dict(labelled(config).labels)
    assert found["io.slimmer.original.digest"] == DIGEST
    assert found.keys() & BASE == names
    assert without_origin(labelled(config)) == config


def test_the_dockerfile_has_them() -> None:
    assert f'"io.slimmer.original.id"="{ID}"' in render(labelled(CONFIG))


def test_a_label_that_got_lost_is_a_difference() -> None:
    assert [str(one) for one in compare_configs(labelled(CONFIG), CONFIG)] != []
    assert list(compare_configs(labelled(CONFIG), labelled(CONFIG))) == []
