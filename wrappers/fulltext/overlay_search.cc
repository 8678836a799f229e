#include "wrappers/fulltext/overlay_search.h"

#include <algorithm>

namespace strata::fulltext {
namespace {

class OverlaySearch final : public TextSearch {
 public:
  OverlaySearch(std::unique_ptr<TextSearch> below, std::unique_ptr<TextSearch> above,
                std::shared_ptr<TextIndex> index, const StringSet& replaced)
      : index_(std::move(index)),
        below_(std::move(below)),
        above_(std::move(above)),
        replaced_(replaced) {}

  StatusOr<std::vector<TextHit>> Ranked(const Context& ctx, size_t from, size_t) override {
    ASSIGN_OR_RETURN(std::vector<TextHit> hits, Merge(below_->Ranked(ctx, 0, SIZE_MAX / 4),
                                                      above_->Ranked(ctx, 0, SIZE_MAX / 4)));
    std::sort(hits.begin(), hits.end(), [](const TextHit& a, const TextHit& b) {
      return a.score != b.score ? a.score > b.score : a.id < b.id;
    });
    hits.erase(hits.begin(),
               hits.begin() + static_cast<std::ptrdiff_t>(std::min(from, hits.size())));
    return hits;
  }
  StatusOr<std::vector<TextHit>> All(const Context& ctx) override {
    return Merge(below_->All(ctx), above_->All(ctx));
  }
  StatusOr<std::string> Snippet(const Document& document, size_t length) override {
    return below_->Snippet(document, length);
  }
  std::string Suggestion() override { return below_->Suggestion(); }
  const std::vector<Node>& narrowed() const override { return below_->narrowed(); }
  double estimated() override { return below_->estimated() + above_->estimated(); }

 private:
  StatusOr<std::vector<TextHit>> Merge(StatusOr<std::vector<TextHit>> below,
                                       StatusOr<std::vector<TextHit>> above) const {
    RETURN_IF_ERROR(below.status());
    RETURN_IF_ERROR(above.status());
    std::vector<TextHit> out = *std::move(below);
    std::erase_if(out, [&](const TextHit& h) { return replaced_.contains(h.id); });
    std::move(above->begin(), above->end(), std::back_inserter(out));
    return out;
  }

  const std::shared_ptr<TextIndex> index_;
  const std::unique_ptr<TextSearch> below_;
  const std::unique_ptr<TextSearch> above_;
  const StringSet replaced_;
};

}  // namespace

std::unique_ptr<TextSearch> Overlay(std::unique_ptr<TextSearch> below,
                                    std::unique_ptr<TextSearch> above,
                                    std::shared_ptr<TextIndex> index, const StringSet& replaced) {
  return std::make_unique<OverlaySearch>(std::move(below), std::move(above), std::move(index),
                                         replaced);
}

}  // namespace strata::fulltext
