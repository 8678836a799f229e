// Any text: simdjson and the slow reader agree on what is a document, and every accessor stays
// inside it.
#include <cstdint>
#include <cstdlib>

#include "core/document.h"
#include "core/json_patch.h"
#include "core/json_print.h"
#include "core/key_encoding.h"
#include "core/value_order.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strata;
  const auto d = Document::Parse({reinterpret_cast<const char*>(data), size});
  if (!d.ok()) return 0;
  const auto again = Document::Parse(d->text());
  if (!again.ok() || again->text() != d->text()) std::abort();
  const auto canonical = Document::Parse(CanonicalJson(d->root()));
  if (!canonical.ok() || !SameValue(canonical->root(), d->root())) std::abort();
  const auto pretty = Document::Parse(PrettyJson(d->root()));
  if (!pretty.ok() || pretty->text() != d->text()) std::abort();
  std::string a, b;
  AppendKey(&a, d->root());
  AppendKey(&b, canonical->root());
  if (a != b) std::abort();
  std::string scratch;
  for (MemberIterator m(d->root()); !m.done(); m.Next()) {
    const Value found = d->Find(m.name(&scratch));
    if (!found.exists() || found.text() != m.value().text()) std::abort();
  }
  // The first half of an array of two is patched by the second.
  if (d->root().is_array() && d->root().size() == 2) {
    const Document target = Document::FromTrusted(d->root().At(0).text());
    const Document patch = Document::FromTrusted(d->root().At(1).text());
    (void)ApplyJsonPatch(target, patch);
    const Document merged = MergePatch(target, patch).value();
    if (!Document::Parse(merged.text()).ok()) std::abort();
  }
  return 0;
}
