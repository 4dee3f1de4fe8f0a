// Messages of random content, and whether two are the same.
#pragma once

#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/wire/types.h"

namespace lace::wire::test {

template <class T>
concept Structure = requires(T& value) {
  value.tie_fields();
};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_variant : std::false_type {};
template <class... T>
struct is_variant<std::variant<T...>> : std::true_type {};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t bound) { return engine_() % bound; }

  // Small numbers, large ones and the edges alike.
  uint64_t number() {
    switch (below(4)) {
      case 0: return below(200);
      case 1: return engine_();
      case 2: return engine_() >> below(64);
      default: return below(2) == 0 ? 0 : UINT64_MAX;
    }
  }
  std::string text() {
    std::string made(below(4) == 0 ? below(5000) : below(20), '\0');
    for (char& c : made) c = static_cast<char>(engine_());
    return made;
  }

  template <class T>
  void fill(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = below(2) == 1;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      value = static_cast<T>(number());
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = text();
    } else if constexpr (std::is_same_v<T, FileTime>) {
      value = {static_cast<int64_t>(number()), static_cast<uint32_t>(below(1'000'000'000))};
    } else if constexpr (is_vector<T>::value) {
      value.resize(below(5));
      for (auto& item : value) fill(item);
    } else if constexpr (is_variant<T>::value) {
      fill_alternative(value, below(std::variant_size_v<T>));
    } else {
      static_assert(Structure<T>);
      std::apply([&](auto&... field) { (fill(field), ...); }, value.tie_fields());
    }
  }

 private:
  template <class Variant, size_t index = 0>
  void fill_alternative(Variant& value, size_t wanted) {
    if constexpr (index < std::variant_size_v<Variant>) {
      if (wanted == index) return fill(value.template emplace<index>());
      fill_alternative<Variant, index + 1>(value, wanted);
    }
  }

  std::mt19937_64 engine_;
};

template <class T>
bool same(const T& a, const T& b);

template <class Tuple, size_t... index>
bool same_fields(const Tuple& a, const Tuple& b, std::index_sequence<index...>) {
  return (same(std::get<index>(a), std::get<index>(b)) && ...);
}

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (is_vector<T>::value) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!same(a[i], b[i])) return false;
    }
    return true;
  } else if constexpr (is_variant<T>::value) {
    if (a.index() != b.index()) return false;
    return std::visit([&](const auto& held) { return same(held, std::get<std::decay_t<decltype(held)>>(b)); }, a);
  } else if constexpr (Structure<T>) {
    const auto fields_a = a.tie_fields();
    const auto fields_b = b.tie_fields();
    return same_fields(fields_a, fields_b, std::make_index_sequence<std::tuple_size_v<std::decay_t<decltype(fields_a)>>>());
  } else {
    return a == b;
  }
}

}  // namespace lace::wire::test
