"""Repositories that Bazel 4.2 wants to download, provided from the machine instead."""

def _rules_cc_shim_impl(ctx):
    ctx.file("WORKSPACE", "workspace(name = \"rules_cc\")\n")
    ctx.file("BUILD.bazel", "")
    ctx.file("cc/BUILD.bazel", "")
    rules = ["library", "binary", "test", "import", "proto_library", "toolchain", "toolchain_suite"]
    ctx.file("cc/defs.bzl", "\n".join(["cc_%s = native.cc_%s" % (r, r) for r in rules]) + "\n")

rules_cc_shim = repository_rule(
    implementation = _rules_cc_shim_impl,
    doc = "A rules_cc whose cc/defs.bzl re-exports Bazel's native rules.",
)

def _stub_coverage_tools_impl(ctx):
    ctx.file("WORKSPACE", "workspace(name = \"remote_coverage_tools\")\n")
    ctx.file(
        "BUILD.bazel",
        "filegroup(name = \"coverage_report_generator\", visibility = [\"//visibility:public\"])\n",
    )

stub_coverage_tools = repository_rule(
    implementation = _stub_coverage_tools_impl,
    doc = "An empty coverage report generator: Bazel resolves it even when coverage is not asked for.",
)

def _first_existing_repository_impl(ctx):
    for path in ctx.attr.paths:
        folder = ctx.path(path)
        if folder.exists:
            for entry in folder.readdir():
                ctx.symlink(entry, entry.basename)
            return
    fail("none of %s exists; run tools/setup.sh" % ctx.attr.paths)

first_existing_repository = repository_rule(
    implementation = _first_existing_repository_impl,
    attrs = {"paths": attr.string_list(mandatory = True)},
    doc = "The first of several folders as a repository (Debian moved one of them between releases).",
    local = True,
)
