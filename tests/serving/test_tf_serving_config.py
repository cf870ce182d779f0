"""TF Serving's configuration: read by TF Serving's own message types, and the compose files by a YAML reader."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.config import model_server_config_pb2

from pix2pix_tf import serving
from pix2pix_tf.serving import tf_serving_config
from pix2pix_tf.serving.model_names import name_models
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

ROOT = Path(__file__).parents[2]
DEPLOY, PRETRAINED = ROOT / "deploy", ROOT / "pretrained"


@pytest.fixture
def runs(tiny_run, tmp_path):
    """Two runs, `first` with versions 1 and 2; a folder that is none."""
    folder = tmp_path / "runs"
    for name, versions in (("first", ("1", "2")), ("second", ("1",))):
        for version in versions:
            shutil.copytree(tiny_run / "export" / "orig" / version, folder / name / "export" / "orig" / version)
    (folder / "report").mkdir()
    return folder


@pytest.fixture
def write(runs, tmp_path, capsys):
    """Run the command for some runs; returns the models by name and its output, or its error message."""

    def command(*words, names=("first", "report"), code=0):
        paths = [word if "=" in word else str(runs / word) for word in names]
        output = tmp_path / "models.config"
        assert cli.run(serving.main, ["config", *paths, "--output", str(output), *words]) == code
        printed = capsys.readouterr()
        if code:
            return printed.err
        config = text_format.Parse(output.read_text(), model_server_config_pb2.ModelServerConfig())
        return {model.name: model for model in config.model_config_list.config}, printed.out

    return command


def labels(models, name="orig"):
    return dict(models[name].version_labels)


def loaded(models, name="orig"):
    return list(models[name].model_version_policy.specific.versions)


def grow(runs, version):
    shutil.copytree(runs / "first" / "export" / "orig" / "1", runs / "first" / "export" / "orig" / str(version))


def test_the_first_file_serves_the_newest_under_both_labels(write):
    models, printed = write()
    assert models["orig"].base_path == "/models/first/export/orig"
    assert models["orig"].model_platform == "tensorflow"
    assert (labels(models), loaded(models)) == ({"stable": 2, "canary": 2}, [2])
    assert "orig: canary 2, stable 2; loaded: 2\n" in printed


def test_a_label_in_use_moves_only_to_what_an_earlier_file_had_loaded(write, runs):
    """TF Serving refuses a file that moves a label to a version it has not loaded yet."""
    write()
    grow(runs, 10)
    models, printed = write()
    assert (labels(models), loaded(models)) == ({"stable": 2, "canary": 2}, [2, 10])
    assert "the same command again moves canary to 10" in printed
    models, printed = write()
    assert (labels(models), loaded(models)) == ({"stable": 2, "canary": 10}, [2, 10])
    assert "again" not in printed
    models, _ = write("--stable", "orig=10")
    assert (labels(models), loaded(models)) == ({"stable": 10, "canary": 10}, [2, 10])
    models, _ = write("--stable", "orig=2")  # the way back is one step
    assert (labels(models), loaded(models)) == ({"stable": 2, "canary": 10}, [2, 10])


def test_a_version_without_label_is_unloaded(write, runs):
    write()
    grow(runs, 10)
    write(), write("--stable", "orig=10"), write()
    assert loaded(write()[0]) == [10]


@settings(deadline=None)
@given(steps=st.lists(st.sampled_from([None, 1, 2, 3, 4]), max_size=8))
def test_no_step_is_one_that_tf_serving_refuses(steps):
    """Each label is new, stays, or moves to a loaded version; and labelled versions are loaded."""
    there, before = {1, 2}, None
    for step in steps:
        there |= {step} - {None}
        target = tf_serving_config.choose("m", there, before, step)
        made = tf_serving_config.model_config("m", "/models/m", there, before, target)
        kept = set(made.model_version_policy.specific.versions)
        assert set(made.version_labels.values()) | set(target.values()) <= kept
        if before:
            was = set(before.model_version_policy.specific.versions)
            assert all(v in was or before.version_labels[label] == v for label, v in made.version_labels.items())
            assert set(before.version_labels.values()) <= kept
        before = made


def test_two_runs_of_one_variant_have_the_names_of_their_runs(write):
    models, _ = write(names=("first", "second"))
    assert sorted(models) == ["first", "second"]
    assert models["second"].base_path == "/models/second/export/orig"


def test_a_name_and_a_mount_of_ones_own(write, runs):
    models, _ = write("--mount", "/elsewhere", names=(f"best={runs / 'second'}",))
    assert models["best"].base_path == "/elsewhere/second/export/orig"


def test_a_base_path_is_accepted(write, runs, tmp_path):
    """Of a run, and one that stands by itself, as pretrained/glacier does."""
    models, printed = write(names=("first/export/orig",))
    assert models["orig"].base_path == "/models/first/export/orig"
    assert f"/models is {runs} " in printed
    (tmp_path / "models.config").unlink()
    models, printed = write(names=(f"{PRETRAINED}/glacier",))
    (version,) = (int(folder.name) for folder in (PRETRAINED / "glacier").iterdir())
    assert models["glacier"].base_path == "/models/glacier"
    assert (labels(models, "glacier"), loaded(models, "glacier")) == ({"stable": version, "canary": version}, [version])
    assert f"/models is {PRETRAINED} " in printed
    assert "the server mounts one folder" in write(names=("first", f"{PRETRAINED}/glacier"), code=2)


@pytest.mark.parametrize(
    ("words", "names", "message"),
    [
        (["--stable", "orig=7"], ("first",), "there are the versions 1, 2"),
        (["--stable", "other=2"], ("first",), "there are the models orig"),
        (["--stable", "2"], ("first",), "NAME=VERSION"),
        ([], ("report",), "has an export"),
    ],
)
def test_mistakes_are_reported(write, words, names, message):
    assert message in write(*words, names=names, code=2)


def test_a_file_of_something_else_is_kept(write, tmp_path):
    (tmp_path / "models.config").write_text("my notes")
    assert "not a model configuration" in write(code=2)
    assert (tmp_path / "models.config").read_text() == "my notes"


def test_names():
    assert name_models(["runs/gen5/export/gen5", "old=runs/orig/export/orig/7", "runs/orig/export/orig/9"]) == {
        "gen5": Path("runs/gen5/export/gen5"),
        "old": Path("runs/orig/export/orig/7"),
        "orig": Path("runs/orig/export/orig/9"),
    }
    assert name_models(["runs/first/export/glacier", "pretrained/glacier"]) == {
        "first": Path("runs/first/export/glacier"),
        "glacier": Path("pretrained/glacier"),
    }
    for models in (["a=x", "a=y"], ["a/b=x"], ["a:b=x"], ["x/export/orig", "x/export/orig"]):
        with pytest.raises(UserError, match="called"):
            name_models(models)


# ---- deploy/ --------------------------------------------------------------------------------------------------------


def message(package, name, fields):
    """A message type by its published fields, as TF Serving's Python package does not have it."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=package, syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    types = descriptor_pb2.FieldDescriptorProto
    for owner, entries in fields.items():
        made = file.message_type.add(name=owner)
        for number, (field, kind) in enumerate(entries.items(), 1):
            simple = {"bool": types.TYPE_BOOL, "string": types.TYPE_STRING, "int64s": types.TYPE_INT64}.get(kind)
            label = types.LABEL_REPEATED if kind == "int64s" else types.LABEL_OPTIONAL
            new = made.field.add(name=field, number=number, label=label, type=simple or types.TYPE_MESSAGE)
            if not simple:
                new.type_name = kind
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))()


def test_batching_parameters():
    """Fields: tensorflow_serving/servables/tensorflow/session_bundle_config.proto."""
    number, text = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"
    fields = {
        **{"max_batch_size": number, "batch_timeout_micros": number, "max_enqueued_batches": number},
        **{"num_batch_threads": number, "thread_pool_name": text, "allowed_batch_sizes": "int64s"},
    }
    parameters = message("tensorflow.serving", "BatchingParameters", {"BatchingParameters": fields})
    text_format.Parse((DEPLOY / "batching.config").read_text(), parameters)
    assert parameters.max_batch_size.value == 16
    assert parameters.batch_timeout_micros.value <= 10_000


def test_monitoring_is_on_where_the_readme_says():
    """Fields: tensorflow_serving/config/monitoring_config.proto."""
    fields = {
        "PrometheusConfig": {"enable": "bool", "path": "string"},
        "MonitoringConfig": {"prometheus_config": ".tensorflow.serving.PrometheusConfig"},
    }
    monitoring = message("tensorflow.serving", "MonitoringConfig", fields)
    text_format.Parse((DEPLOY / "monitoring.config").read_text(), monitoring)
    assert monitoring.prometheus_config.enable
    assert f"8501{monitoring.prometheus_config.path} " in (DEPLOY / "README.md").read_text()


def composed(name):
    return yaml.safe_load((DEPLOY / name).read_text())["services"]["serving"]


def test_the_server_has_no_more_rights_than_it_needs():
    service = composed("docker-compose.yml")
    assert service["image"].startswith("tensorflow/serving:")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert all(port.startswith("${ADDRESS:-127.0.0.1}:") for port in service["ports"])
    assert service["user"] == "${UID:-1000}:${GID:-1000}"
    assert service["mem_limit"] and service["pids_limit"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.batching.yml"])
def test_every_configuration_file_exists(name):
    matches = [re.search(r"=/config/(\S+)", flag) for flag in composed(name)["command"]]
    files = {match[1] for match in matches if match}
    assert {"models.config", "monitoring.config"} <= files
    assert all((DEPLOY / file).exists() for file in files - {"models.config"})  # which `config` makes


@pytest.mark.parametrize("requirements", ["requirements.txt", "requirements-current.txt"])
def test_the_server_is_not_older_than_the_tensorflow_of_the_exports(requirements):
    """On each Python: the newest minor version that the requirements allow."""
    image = composed("docker-compose.yml")["image"]
    server = tuple(map(int, re.fullmatch(r"tensorflow/serving:\$\{TF_SERVING:-(\d+)\.(\d+)\.\d+\}", image).groups()))
    lines = re.findall(r"^tensorflow([=<>].*?)(?: ;.*)?$", (ROOT / requirements).read_text(), re.MULTILINE)
    assert lines
    for line in lines:
        exact = re.fullmatch(r"==(\d+)\.(\d+)\.\d+", line)
        below = re.fullmatch(r">=.*,<(\d+)\.(\d+)", line)
        newest = tuple(map(int, exact.groups())) if exact else (int(below[1]), int(below[2]) - 1)
        assert server >= newest, f"{line}, but {image}"


def test_batching_adds_to_the_command_and_takes_nothing_away():
    plain, batching = composed("docker-compose.yml")["command"], composed("docker-compose.batching.yml")["command"]
    assert batching[: len(plain)] == plain
    assert set(batching) - set(plain) == {
        "--enable_batching=true",
        "--batching_parameters_file=/config/batching.config",
    }


def test_a_gpu_is_requested():
    service = composed("docker-compose.gpu.yml")
    assert service["image"] == composed("docker-compose.yml")["image"] + "-gpu"
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
