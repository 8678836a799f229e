// ObjectWriter: an object's text, member by member. For core/ only.
#ifndef STRATA_CORE_OBJECT_WRITER_H_
#define STRATA_CORE_OBJECT_WRITER_H_

#include <string>
#include <string_view>

namespace strata {

class ObjectWriter {
 public:
  explicit ObjectWriter(std::string* out) : out_(out) { out_->push_back('{'); }
  void Raw(std::string_view raw_name, std::string_view raw_value) {
    Name(raw_name);
    out_->append(raw_value);
  }
  void Name(std::string_view raw_name) {
    if (!first_) out_->push_back(',');
    first_ = false;
    out_->append(raw_name);
    out_->push_back(':');
  }
  void Close() { out_->push_back('}'); }

 private:
  std::string* out_;
  bool first_ = true;
};

}  // namespace strata

#endif  // STRATA_CORE_OBJECT_WRITER_H_
