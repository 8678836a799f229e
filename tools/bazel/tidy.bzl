"""clang-tidy over every C++ source, as actions: what has not changed is not looked at again.

bazel build --config=tidy //...

Clang reads every source on the way, with its own warnings and its thread-safety analysis.
"""

# As .bazelrc has them for clang; an aspect does not see --copt.
_FLAGS = "-std=c++20 -march=x86-64-v2 -Wall -Wextra -Wno-sign-compare -Wthread-safety -I."

def _tidy_impl(_target, ctx):
    if ctx.rule.kind not in ["cc_library", "cc_binary", "cc_test"]:
        return []
    attr = ctx.rule.attr
    headers = [f for name in ["srcs", "hdrs"] for f in getattr(ctx.rule.files, name, []) if f.extension == "h"]
    contexts = [d[CcInfo].compilation_context for d in getattr(attr, "deps", []) if CcInfo in d]
    defines = depset(getattr(attr, "local_defines", []), transitive = [c.defines for c in contexts]).to_list()
    reports = []
    for source in getattr(ctx.rule.files, "srcs", []):
        if source.extension != "cc" or not source.is_source or source.owner.workspace_name:
            continue
        report = ctx.actions.declare_file("%s.%s.tidy" % (ctx.rule.attr.name, source.basename))
        ctx.actions.run_shell(
            mnemonic = "ClangTidy",
            progress_message = "Checking " + source.short_path,
            inputs = depset([source, ctx.file._config] + headers, transitive = [c.headers for c in contexts]),
            outputs = [report],
            command = "clang-tidy --quiet \"$1\" -- %s %s > \"$2\" 2>&1 || { cat \"$2\"; exit 1; }" % (
                _FLAGS,
                " ".join(["-D" + d for d in defines]),
            ),
            arguments = [source.path, report.path],
            use_default_shell_env = True,
        )
        reports.append(report)
    return [OutputGroupInfo(tidy = depset(reports))]

tidy = aspect(
    implementation = _tidy_impl,
    attrs = {"_config": attr.label(default = "//:.clang-tidy", allow_single_file = True)},
    doc = "Gives the output group `tidy`: a report for each source; a finding fails the action.",
)
