"""What Strata needs from the system, for its own workspace and for those that depend on it."""

load(":pkg_config.bzl", "pkg_config_library")
load(":system_repositories.bzl", "first_existing_repository", "rules_cc_shim", "stub_coverage_tools")

def strata_dependencies():
    """Declares every external repository. Nothing is downloaded; tools/setup.sh installs the packages."""
    rules_cc_shim(name = "rules_cc")

    stub_coverage_tools(name = "remote_coverage_tools")

    first_existing_repository(
        name = "rules_java",
        paths = ["/usr/share/bazel/rules/java"],
    )

    first_existing_repository(
        name = "rules_proto",
        paths = ["/usr/share/bazel/rules/proto"],
    )

    first_existing_repository(
        name = "platforms",
        paths = [
            "/usr/share/bazel/tools/platforms",
            "/usr/share/bazel/platforms",
        ],
    )

    pkg_config_library(
        name = "abseil",
        packages = [
            "absl_flat_hash_map",
            "absl_flat_hash_set",
            "absl_btree",
            "absl_status",
            "absl_statusor",
            "absl_strings",
            "absl_str_format",
            "absl_inlined_vector",
            "absl_any_invocable",
        ],
    )

    pkg_config_library(
        name = "simdjson",
        packages = ["simdjson"],
    )

    pkg_config_library(
        name = "rocksdb",
        packages = ["rocksdb"],
    )

    pkg_config_library(
        name = "sqlite3",
        packages = ["sqlite3"],
    )

    pkg_config_library(
        name = "xapian",
        packages = ["xapian-core"],
    )

    pkg_config_library(
        name = "re2",
        packages = ["re2"],
    )

    pkg_config_library(
        name = "xxhash",
        packages = ["libxxhash"],
    )

    pkg_config_library(
        name = "cli11",
        packages = ["CLI11"],
    )

    pkg_config_library(
        name = "libedit",
        packages = ["libedit"],
    )

    pkg_config_library(
        name = "googletest",
        packages = ["gmock"],
    )

    pkg_config_library(
        name = "benchmark",
        packages = ["benchmark"],
    )
