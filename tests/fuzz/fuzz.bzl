"""A fuzz target: a libFuzzer binary (built with --config=fuzz), and a test that replays the kept corpus."""

def fuzz_target(name, deps):
    """fuzz_<name>.cc with its corpus in corpus/<name>/."""
    native.cc_binary(
        name = name + "_fuzzer",
        srcs = ["fuzz_" + name + ".cc"],
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
    corpus = native.glob(["corpus/" + name + "/*"])
    native.cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = [
            "fuzz_" + name + ".cc",
            "replay_main.cc",
        ],
        args = ["$(location %s)" % c for c in corpus],
        data = corpus,
        deps = deps,
    )
