"""The house's shape of a C++ target: one library a header, its unit test beside it."""

def strata_library(name, deps = [], test_deps = [], test_size = "small", test_tags = [], has_test = None, **kwargs):
    """A library of <name>.h and <name>.cc (either may be absent), and <name>_test when its source exists."""
    hdrs = native.glob([name + ".h"], allow_empty = True)
    native.cc_library(
        name = name,
        hdrs = hdrs,
        srcs = native.glob([name + ".cc"], allow_empty = True),
        deps = deps,
        **kwargs
    )
    if native.glob([name + "_test.cc"], allow_empty = True):
        native.cc_test(
            name = name + "_test",
            size = test_size,
            srcs = [name + "_test.cc"],
            tags = test_tags,
            deps = [":" + name, "//tests/support:gtest_main"] + test_deps,
        )
