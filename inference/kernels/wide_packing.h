// Packing of the types whose weights lie in panels as whole bytes (kernels.h): those that are met
// more rarely, for which one byte a weight is given for one plain kernel. Each function is about
// one unit, of lane `lane`; a pack_… gives false where a scale is not finite.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attest::inference::wide {

// As GGUF stores them, after the scales: 16 bytes of nibbles, low ones elements 0 to 15; of five
// bits, the fifth of element k is bit k of a u32.
bool pack_q4_1(const std::uint8_t* from, std::uint8_t* to, std::size_t lane);  // d, m, nibbles
bool pack_q5_0(const std::uint8_t* from, std::uint8_t* to, std::size_t lane);  // d, u32, nibbles
bool pack_q5_1(const std::uint8_t* from, std::uint8_t* to, std::size_t lane);  // d, m, u32, nibbles
bool pack_mxfp4(const std::uint8_t* from, std::uint8_t* to, std::size_t lane);  // u8 exponent
bool pack_q5_k(const std::uint8_t* from, std::uint8_t* to, std::size_t lane);

float q5_1_at(const std::uint8_t* unit, std::size_t lane, std::size_t k);
float mxfp4_at(const std::uint8_t* unit, std::size_t lane, std::size_t k);
float q5_k_at(const std::uint8_t* unit, std::size_t lane, std::size_t k);

}  // namespace attest::inference::wide
