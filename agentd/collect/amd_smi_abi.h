// The part of AMD SMI's binary interface that agentd calls: the functions whose parameters are
// plain numbers and text. Its structures changed their layout from version to version, and what
// they hold the kernel shows in sysfs as well.
#pragma once

#include <cstdint>

namespace attest::agentd::amd_smi {

using Return = std::uint32_t;  // 0: success
inline constexpr Return success = 0;
inline constexpr std::uint64_t init_gpus = 1U << 1;
inline constexpr std::uint32_t max_sockets = 64;
inline constexpr std::uint32_t max_processors = 64;
inline constexpr unsigned uuid_size = 38;

using Handle = void*;
using Init = Return (*)(std::uint64_t flags);
using ShutDown = Return (*)();
using GetSockets = Return (*)(std::uint32_t* count, Handle*);
using GetProcessors = Return (*)(Handle socket, std::uint32_t* count, Handle*);
// Function number in bits 0 to 2, device in 3 to 7, bus in 8 to 15, domain above.
using GetAddress = Return (*)(Handle processor, std::uint64_t*);
using GetUuid = Return (*)(Handle processor, unsigned* size, char* text);

}  // namespace attest::agentd::amd_smi
