"""System libraries as Bazel targets, with flags from pkg-config."""

def _run(ctx, args):
    result = ctx.execute(["pkg-config"] + args + ctx.attr.packages)
    if result.return_code != 0:
        fail("pkg-config does not know %s; run tools/setup.sh\n%s" % (
            " ".join(ctx.attr.packages),
            result.stderr,
        ))
    return [word for word in result.stdout.strip().split(" ") if word]

def _pkg_config_library_impl(ctx):
    # -I of a system folder would change the order of system headers; -std is the project's choice.
    copts = [
        f
        for f in _run(ctx, ["--cflags"])
        if f.startswith("-D") or (f.startswith("-I") and f != "-I/usr/include")
    ]
    defines = [f[2:] for f in copts if f.startswith("-D")]
    includes = [f for f in copts if f.startswith("-I")]
    links = _run(ctx, ["--libs"])
    ctx.file("BUILD.bazel", """
cc_library(
    name = "{name}",
    defines = {defines},
    linkopts = {links},
    visibility = ["//visibility:public"],
)
""".format(name = ctx.name, defines = repr(defines), links = repr(links)))
    if includes and ctx.attr.needs_includes:
        fail("%s wants include paths that a sandbox may not see: %s" % (ctx.name, includes))

pkg_config_library = repository_rule(
    implementation = _pkg_config_library_impl,
    attrs = {
        "packages": attr.string_list(mandatory = True),
        "needs_includes": attr.bool(default = False),
    },
    doc = "One cc_library, named like the repository, for a list of pkg-config packages.",
    environ = ["PKG_CONFIG_PATH"],
    local = True,
)
