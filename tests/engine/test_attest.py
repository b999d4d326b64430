"""`slimmer build --attest` and `slimmer attest`: what the statement says is true, and cosign signs, attaches and verifies it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.artifacts.attestation import PREDICATE
from tests.engine.command import built, slimmer
from tests.engine.names import OWN
from tests.engine.signing import COSIGN, LACKING, REGISTRY, Cosign, pushed, registry
from tests.schemas import misfits

SLIM = f"{OWN}-attest:slim"
EPOCH = "1600000000"
PROBES = """requests:
  - path: /file/srv/page
  - path: /file/srv/first
"""
FAST = ("--no-crawl", "--no-openapi", "--no-graphql")
signs = pytest.mark.skipif(not (COSIGN and REGISTRY), reason=LACKING)


@dataclass(frozen=True, slots=True)
class Attested:
    """A build with its statement. `said` is what the build wrote to the file."""

    out: Path
    probes: Path
    said: str

    @property
    def statement(self) -> dict[str, Any]:
        statement: dict[str, Any] = json.loads(self.said)
        return statement


@pytest.fixture(scope="module")
def attested(road: str, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attested]:
    place = tmp_path_factory.mktemp("attested")
    probes, statement = place / "probes.yaml", place / "new/folder/shop.intoto.json"
    probes.write_text(PROBES)
    built(road, "--tag", SLIM, "--out", place / "out", "--attest", statement, "--probe-file", probes, *FAST)
    yield Attested(place / "out", probes, statement.read_text())
    engine.images.remove(SLIM, force=True)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_statement_says_what_was_built_and_exercised(
    attested: Attested, road: str, engine: docker.DockerClient
) -> None:
    statement = attested.statement
    original, slim = (engine.images.get(name).id for name in (road, SLIM))
    assert misfits("attestation", statement) == []
    assert (statement["_type"], statement["predicateType"]) == ("https://in-toto.io/Statement/v1", PREDICATE)
    (subject,) = statement["subject"]
    assert subject["name"] == SLIM
    assert f"sha256:{subject['digest']['sha256']}" == slim
    predicate = statement["predicate"]
    assert predicate["original"]["id"] == original
    assert predicate["slim"]["id"] == slim
    exercised = predicate["exercised"]
    assert exercised["probe_files"] == [{"name": "probes.yaml", "sha256": sha256(attested.probes)}]
    assert exercised["total"]["requests"] == 2
    assert exercised["total"]["answers"] == {"2xx": 2}
    verification = predicate["verification"]
    assert verification["verdict"] == "verified"
    assert verification["compared"]["requests"] == 2
    assert verification["noise"] == {"count": 0, "first": []}


def test_its_digests_are_those_of_the_output_folder(attested: Attested) -> None:
    files = {file["name"]: file["sha256"] for file in attested.statement["predicate"]["files"]}
    assert files == {path.name: sha256(path) for path in attested.out.iterdir()}


def test_attest_prints_the_same_of_the_folder_and_refuses_another_file(attested: Attested, tmp_path: Path) -> None:
    printed = slimmer("attest", attested.out)
    assert (printed.returncode, printed.stdout) == (0, attested.said)
    alone = slimmer("attest", attested.out, "--predicate")
    assert json.loads(alone.stdout) == attested.statement["predicate"]
    for name in ("report.json", "manifest.jsonl", "access.json"):
        (tmp_path / name).write_bytes((attested.out / name).read_bytes())
    assert slimmer("attest", tmp_path).stdout == attested.said  # without the large files
    (tmp_path / "access.json").write_text("{}")
    changed = slimmer("attest", tmp_path)
    assert changed.returncode == 2
    assert "access.json is not the one of this build" in changed.stderr


def test_the_same_image_is_made_again_of_the_access_log(
    attested: Attested, road: str, engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the original's ID, as the statement names it. The builder's own time is the only difference, so this build sets one."""
    predicate = attested.statement["predicate"]
    log = attested.out / "access.json"
    assert {"name": "access.json", "sha256": sha256(log)} in predicate["files"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    options = ("--access", log, "--no-observe", "--probe-file", attested.probes, *FAST)
    made = []
    for number, original in enumerate((road, predicate["original"]["id"])):
        out, tag = tmp_path / str(number), f"{OWN}-attest:again-{number}"
        statement = out / "shop.intoto.json"  # beside the artifacts
        try:
            built(original, "--tag", tag, "--out", out, "--attest", statement, *options)
            made.append((engine.images.get(tag).id, json.loads(statement.read_text())["predicate"]["finished"]))
        finally:
            engine.images.remove(tag, force=True)
        assert sha256(out / "rootfs.tar") == sha256(attested.out / "rootfs.tar")
        assert sha256(out / "Dockerfile") == sha256(attested.out / "Dockerfile")
    assert made == [(made[0][0], "2020-09-13T12:26:40Z")] * 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--attest", "x.json", "--no-verify"), "--attest and --no-verify contradict each other"),
        (("--attest", "-"), "`slimmer attest OUT` prints"),
        (("--attest", "/"), "--attest /: it is not a file"),
    ],
)
def test_what_cannot_be_attested_is_refused_before_anything_runs(
    options: tuple[str, ...], words: str, road: str, tmp_path: Path, leftovers: None
) -> None:
    refused = slimmer("build", road, "--out", tmp_path / "out", *options, cwd=tmp_path)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "tmp"] == []


def test_an_artifacts_name_is_refused(road: str, tmp_path: Path, leftovers: None) -> None:
    refused = slimmer("build", road, "--out", tmp_path / "out", "--attest", tmp_path / "out/report.json")
    assert refused.returncode == 2
    assert "slimmer writes another file with this name" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_an_image_that_differs_gets_no_statement(road: str, tmp_path: Path, leftovers: None) -> None:
    out, statement = tmp_path / "out", tmp_path / "statement.json"
    built_so = ("--exclude", "/srv/page", "--repair", "0", "--probe", "/file/srv/page", *FAST)
    failed = slimmer("build", road, "--out", out, "--attest", statement, *built_so)
    assert failed.returncode == 8, failed.stderr
    assert not statement.exists()
    unverified = slimmer("attest", out)
    assert unverified.returncode == 2
    assert "was not verified" in unverified.stderr


@signs
def test_cosign_signs_attaches_and_verifies_it(attested: Attested, engine: docker.DockerClient, tmp_path: Path) -> None:
    predicate = tmp_path / "predicate.json"
    predicate.write_text(slimmer("attest", attested.out, "--predicate").stdout)
    with registry(tmp_path) as address:
        name = f"{address}/{OWN}-attest"
        engine.images.get(SLIM).tag(name, "slim")
        try:
            assert "error" not in engine.images.push(name, "slim")
        finally:
            engine.images.remove(f"{name}:slim")
        digest = pushed(address, f"{OWN}-attest", "slim")
        cosign = Cosign(tmp_path)
        cosign.attest(f"{name}@{digest}", predicate)
        found = cosign.attested(f"{name}@{digest}")
        assert cosign.attested(f"{name}@{digest}", 'predicate: verification: verdict: "verified"') == found
        with pytest.raises(AssertionError, match="conflicting values"):
            cosign.attested(f"{name}@{digest}", 'predicate: policy: "observed"')
    assert found["predicateType"] == PREDICATE
    assert found["predicate"] == attested.statement["predicate"]
    assert found["subject"] == [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}]


@signs
def test_cosign_signs_it_for_a_file_that_is_not_in_a_registry(attested: Attested, tmp_path: Path) -> None:
    predicate, rootfs = tmp_path / "predicate.json", attested.out / "rootfs.tar"
    predicate.write_text(slimmer("attest", attested.out, "--predicate").stdout)
    cosign = Cosign(tmp_path)
    kept = ("--bundle",) if cosign.new else ("--output-signature",)
    given = ("--bundle",) if cosign.new else ("--signature",)
    key, kind = ("--key", "cosign.key"), ("--type", PREDICATE)
    cosign.run("attest-blob", "--yes", *cosign.offline, *key, *kind, "--predicate", predicate, *kept, "signed", rootfs)
    check = ("verify-blob-attestation", "--key", "cosign.pub", "--insecure-ignore-tlog", *kind, *given, "signed")
    cosign.run(*check, rootfs)
    with pytest.raises(AssertionError):
        cosign.run(*check, attested.out / "Dockerfile")


@signs
def test_the_digest_of_a_pushed_original_is_in_the_labels_and_in_the_statement(
    road: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    repository = f"{OWN}-attest-original"
    with registry(tmp_path) as address:
        name, tag = f"{address}/{repository}", f"{OWN}-attest:pushed"
        engine.images.get(road).tag(name, "1")
        try:
            assert "error" not in engine.images.push(name, "1")
            digest = pushed(address, repository, "1")
            options = ("--out", tmp_path / "out", "--attest", tmp_path / "statement.json", *FAST)
            built(f"{name}:1", "--tag", tag, "--probe", "/file/srv/page", *options)
            try:
                labels = engine.images.get(tag).labels
            finally:
                engine.images.remove(tag, force=True)
        finally:
            engine.images.remove(f"{name}:1")
    base = "org.opencontainers.image.base."
    assert (labels[f"{base}name"], labels[f"{base}digest"]) == (name, digest)
    assert labels["io.slimmer.original.digest"] == digest
    predicate = json.loads((tmp_path / "statement.json").read_text())["predicate"]
    assert (predicate["original"]["name"], predicate["original"]["digest"]) == (f"{name}:1", digest)
