#include "query/operators/external_sort.h"

#include <algorithm>
#include <cstring>

namespace strata {
namespace {

constexpr size_t kTail = 8192;           // rows sorted at once: a few milliseconds
constexpr size_t kReadBytes = 64 << 10;  // of each run on disk
constexpr size_t kMaxRuns = 128;         // merged at once
constexpr size_t kCheckRows = 1024;

}  // namespace

SortRow::SortRow(std::string k, uint64_t o, Document d)
    : key(std::move(k)), order(o), document(std::move(d)) {
  const size_t n = std::min<size_t>(key.size(), 8);
  std::memcpy(&head, key.data(), n);
  head = __builtin_bswap64(head);
}

class ExternalSort::Source {
 public:
  explicit Source(std::vector<SortRow> rows) : rows_(std::move(rows)) {}
  Source(const SpillFile* file, Run run) : file_(file), at_(run.begin), end_(run.end) {}

  const SortRow& row() const { return row_; }
  SortRow TakeRow() { return std::move(row_); }

  // False: at the end.
  StatusOr<bool> Advance() {
    if (file_ == nullptr) {
      if (next_ == rows_.size()) return false;
      row_ = std::move(rows_[next_++]);
      return true;
    }
    if (at_buffer_ == buffer_.size() && at_ == end_) return false;
    uint32_t key_size = 0;
    uint32_t text_size = 0;
    uint64_t order = 0;
    RETURN_IF_ERROR(Want(kHeader));
    std::memcpy(&key_size, buffer_.data() + at_buffer_, 4);
    std::memcpy(&text_size, buffer_.data() + at_buffer_ + 4, 4);
    std::memcpy(&order, buffer_.data() + at_buffer_ + 8, 8);
    RETURN_IF_ERROR(Want(kHeader + key_size + text_size));
    const char* p = buffer_.data() + at_buffer_ + kHeader;
    row_ =
        SortRow(std::string(p, key_size), order, Document::FromTrusted({p + key_size, text_size}));
    at_buffer_ += kHeader + key_size + text_size;
    return true;
  }

  static constexpr size_t kHeader = 16;

 private:
  // Makes the next n bytes of the run stand in the buffer.
  Status Want(size_t n) {
    const size_t have = buffer_.size() - at_buffer_;
    if (have >= n) return OkStatus();
    const size_t more =
        static_cast<size_t>(std::min<uint64_t>(end_ - at_, std::max(n - have, kReadBytes)));
    if (have + more < n) return DataLoss("a temporary file is damaged");
    std::string read;
    RETURN_IF_ERROR(file_->Read(at_, more, &read));
    at_ += more;
    buffer_.erase(0, at_buffer_);
    at_buffer_ = 0;
    buffer_ += read;
    return OkStatus();
  }

  SortRow row_;
  std::vector<SortRow> rows_;
  size_t next_ = 0;
  const SpillFile* file_ = nullptr;
  uint64_t at_ = 0;
  uint64_t end_ = 0;
  std::string buffer_;
  size_t at_buffer_ = 0;
};

ExternalSort::ExternalSort(size_t budget, std::string folder)
    : budget_(budget), folder_(std::move(folder)) {}
ExternalSort::~ExternalSort() = default;

Status ExternalSort::Add(const Context& ctx, SortRow row) {
  if (rows_ % kCheckRows == 0) RETURN_IF_ERROR(ctx.Check());
  held_ += row.Bytes();
  ++rows_;
  tail_.push_back(std::move(row));
  if (tail_.size() == kTail) SortTail();
  return held_ > budget_ ? Spill(ctx) : OkStatus();
}

void ExternalSort::SortTail() {
  if (tail_.empty()) return;
  std::sort(tail_.begin(), tail_.end());
  sorted_.push_back(std::move(tail_));
  tail_.clear();
}

// The top of the heap is the source with the least row.
Status ExternalSort::Heapify(Sources* sources) {
  Sources live;
  for (auto& s : *sources) {
    ASSIGN_OR_RETURN(const bool more, s->Advance());
    if (more) live.push_back(std::move(s));
  }
  *sources = std::move(live);
  std::make_heap(sources->begin(), sources->end(),
                 [](const auto& a, const auto& b) { return b->row() < a->row(); });
  return OkStatus();
}

StatusOr<bool> ExternalSort::Pop(Sources* heap, SortRow* row) {
  if (heap->empty()) return false;
  const auto later = [](const auto& a, const auto& b) { return b->row() < a->row(); };
  if (heap->size() > 1) std::pop_heap(heap->begin(), heap->end(), later);
  *row = heap->back()->TakeRow();
  ASSIGN_OR_RETURN(const bool more, heap->back()->Advance());
  if (!more) {
    heap->pop_back();
  } else if (heap->size() > 1) {
    std::push_heap(heap->begin(), heap->end(), later);
  }
  return true;
}

ExternalSort::Sources ExternalSort::TakeMemory() {
  SortTail();
  Sources sources;
  for (auto& run : sorted_) sources.push_back(std::make_unique<Source>(std::move(run)));
  sorted_.clear();
  return sources;
}

Status ExternalSort::Write(SpillFile* file, const SortRow& row) {
  char header[Source::kHeader];
  const auto key_size = static_cast<uint32_t>(row.key.size());
  const std::string_view text = row.document.text();
  const auto text_size = static_cast<uint32_t>(text.size());
  std::memcpy(header, &key_size, 4);
  std::memcpy(header + 4, &text_size, 4);
  std::memcpy(header + 8, &row.order, 8);
  RETURN_IF_ERROR(file->Append({header, sizeof header}));
  RETURN_IF_ERROR(file->Append(row.key));
  return file->Append(text);
}

Status ExternalSort::Spill(const Context& ctx) {
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, SpillFile::Create(folder_));
  }
  if (runs_.size() == kMaxRuns) RETURN_IF_ERROR(MergeFile(ctx));
  Sources sources = TakeMemory();
  RETURN_IF_ERROR(Heapify(&sources));
  const uint64_t begin = file_->size();
  SortRow row;
  for (uint64_t n = 1;; ++n) {
    ASSIGN_OR_RETURN(const bool more, Pop(&sources, &row));
    if (!more) break;
    if (n % kCheckRows == 0) RETURN_IF_ERROR(ctx.Check());
    RETURN_IF_ERROR(Write(file_.get(), row));
  }
  RETURN_IF_ERROR(file_->Flush());
  runs_.push_back({begin, file_->size()});
  spilled_ += file_->size() - begin;
  held_ = 0;
  return OkStatus();
}

// Makes one run of all that are on disk.
Status ExternalSort::MergeFile(const Context& ctx) {
  ASSIGN_OR_RETURN(std::unique_ptr<SpillFile> merged, SpillFile::Create(folder_));
  Sources sources;
  for (const Run& r : runs_) sources.push_back(std::make_unique<Source>(file_.get(), r));
  RETURN_IF_ERROR(Heapify(&sources));
  SortRow row;
  for (uint64_t n = 1;; ++n) {
    ASSIGN_OR_RETURN(const bool more, Pop(&sources, &row));
    if (!more) break;
    if (n % kCheckRows == 0) RETURN_IF_ERROR(ctx.Check());
    RETURN_IF_ERROR(Write(merged.get(), row));
  }
  RETURN_IF_ERROR(merged->Flush());
  runs_ = {{0, merged->size()}};
  spilled_ += merged->size();
  file_ = std::move(merged);
  return OkStatus();
}

Status ExternalSort::Finish(const Context& ctx) {
  RETURN_IF_ERROR(ctx.Check());
  merge_ = TakeMemory();
  for (const Run& r : runs_) merge_.push_back(std::make_unique<Source>(file_.get(), r));
  return Heapify(&merge_);
}

StatusOr<bool> ExternalSort::Next(const Context&, SortRow* row) { return Pop(&merge_, row); }

}  // namespace strata
