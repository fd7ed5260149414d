// SPDX-License-Identifier: Apache-2.0
#include "torch/arena.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>

namespace hwprof {
namespace {

constexpr std::size_t huge_page = std::size_t{1} << 21;
constexpr std::size_t page = 4096;
constexpr std::size_t line = 64;
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
constexpr std::uint8_t first_priority = 255;  // c10 ignores who has less than the last one set

/// A reserved range of addresses, handed out by first fit; neighbours that are free are joined.
class Region {
 public:
  Region() {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long bytes = ::sysconf(_SC_PAGE_SIZE);
    std::size_t wanted = sizeof(void*) < 8 ? std::size_t{1} << 29 : std::size_t{1} << 34;
    if (pages > 0 && bytes > 0 && sizeof(void*) >= 8)
      wanted = static_cast<std::size_t>(pages) * static_cast<std::size_t>(bytes);
    void* found = MAP_FAILED;
    for (; wanted >= huge_page && found == MAP_FAILED; wanted /= 2) {
      size_ = wanted;
      found = ::mmap(nullptr, size_ + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                     -1, 0);
    }
    if (found == MAP_FAILED) {
      text_ = std::string("libtorch's own allocator: ") + std::strerror(errno);
      return;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(found);
    base_ = static_cast<char*>(found) + (huge_page - address % huge_page) % huge_page;
    free_[base_] = size_;
    text_ = "one region";
#ifdef MADV_HUGEPAGE
    text_ += ::madvise(base_, size_, MADV_HUGEPAGE) == 0 ? ", huge pages asked for" : ", no huge pages";
#endif
  }

  [[nodiscard]] bool usable() const noexcept {
    return base_ != nullptr;
  }
  [[nodiscard]] const std::string& text() const noexcept {
    return text_;
  }

  void* take(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    // Large blocks begin at the same place of a page, so that loads and stores of two of them meet in the
    // same way in every network.
    const std::size_t unit = bytes >= page ? page : line;
    if (bytes > size_) throw std::bad_alloc();
    const std::size_t need = (bytes + unit - 1) / unit * unit;
    const std::lock_guard lock(mutex_);
    if (bytes > most_ || use_.allocated > most_ - bytes) throw std::bad_alloc();
    for (auto block = free_.begin(); block != free_.end(); ++block) {
      const auto offset = static_cast<std::size_t>(block->first - base_);
      const std::size_t skip = (unit - offset % unit) % unit;
      if (block->second < need + skip) continue;
      char* begin = block->first;
      const std::size_t whole = block->second;
      if (skip > 0)
        block->second = skip;
      else
        free_.erase(block);
      if (whole > need + skip) free_[begin + skip + need] = whole - need - skip;
      used_[begin + skip] = {need, bytes};
      use_.allocated += bytes;
      use_.reserved += need;
      use_.peak_allocated = std::max(use_.peak_allocated, use_.allocated);
      use_.peak_reserved = std::max(use_.peak_reserved, use_.reserved);
      return begin + skip;
    }
    throw std::bad_alloc();
  }

  void give(void* pointer) {
    if (pointer == nullptr) return;
    const std::lock_guard lock(mutex_);
    const auto taken = used_.find(pointer);
    if (taken == used_.end()) return;
    auto block = free_.emplace(static_cast<char*>(pointer), taken->second.size).first;
    use_.allocated -= taken->second.asked;
    use_.reserved -= taken->second.size;
    used_.erase(taken);
    const auto next = std::next(block);
    if (next != free_.end() && block->first + block->second == next->first) {
      block->second += next->second;
      free_.erase(next);
    }
    if (block == free_.begin()) return;
    const auto before = std::prev(block);
    if (before->first + before->second != block->first) return;
    before->second += block->second;
    free_.erase(block);
  }

  [[nodiscard]] ArenaUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    use_.peak_allocated = use_.allocated;
    use_.peak_reserved = use_.reserved;
  }

  /// Beside what there is now.
  void limit(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    most_ = bytes > unlimited - use_.allocated ? unlimited : use_.allocated + bytes;
  }

  /// Gives the memory, not the addresses, of everything free back to the system.
  void release() {
    const std::lock_guard lock(mutex_);
    for (const auto& [begin, bytes] : free_) {
      const auto offset = static_cast<std::size_t>(begin - base_);
      const std::size_t skip = (page - offset % page) % page;
      if (bytes > skip) (void)::madvise(begin + skip, bytes - skip, MADV_DONTNEED);
    }
  }

 private:
  struct Block {
    std::size_t size = 0, asked = 0;
  };

  char* base_ = nullptr;
  std::size_t size_ = 0;
  std::string text_;
  std::mutex mutex_;
  std::map<char*, std::size_t> free_;  // by address
  std::unordered_map<void*, Block> used_;
  ArenaUse use_;
  std::size_t most_ = unlimited;
};

/// Never destroyed: tensors that libtorch keeps for itself may lie in it.
Region& region() {
  static auto* instance = new Region;
  return *instance;
}

void give_back(void* pointer) {
  region().give(pointer);
}

/// allocate() is const before libtorch 2.1 and is not since, copy_data() came with 2.2: what the version at
/// hand does not know is no override, so none is marked as one.
class ArenaAllocator final : public at::Allocator {
 public:
  at::DataPtr allocate(std::size_t bytes) const { return make(bytes); }
  at::DataPtr allocate(std::size_t bytes) { return make(bytes); }
  at::DeleterFnPtr raw_deleter() const { return &give_back; }
  void copy_data(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }

 private:
  static at::DataPtr make(std::size_t bytes) {
    void* pointer = region().take(bytes);
    return {pointer, pointer, &give_back, at::Device(at::kCPU)};
  }
};

ArenaAllocator& arena_allocator() {
  static auto* instance = new ArenaAllocator;
  return *instance;
}

bool is_installed() {
  return c10::GetCPUAllocator() == &arena_allocator();
}

}  // namespace

std::optional<ArenaUse> arena_use() {
  return is_installed() ? std::optional<ArenaUse>(region().use()) : std::nullopt;
}

void reset_arena_peak() {
  region().reset_peak();
}

void release_arena() {
  region().release();
}

ArenaLimit::ArenaLimit(std::size_t bytes) {
  region().limit(bytes);
}

ArenaLimit::~ArenaLimit() {
  region().limit(unlimited);
}

TensorArena::TensorArena() : text_(region().text()) {
  if (!region().usable() || c10::GetCPUAllocator() != c10::GetDefaultCPUAllocator()) {
    if (region().usable()) text_ = "an allocator that was set before";
    return;
  }
  c10::SetCPUAllocator(&arena_allocator(), first_priority);
  installed_ = true;
}

TensorArena::~TensorArena() {
  if (!installed_) return;
  c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), first_priority);
  region().release();
}

}  // namespace hwprof
