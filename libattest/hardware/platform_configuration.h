// PlatformConfiguration, in its three versions, out of DER. For this room's parser.
#pragma once

#include "libattest/crypto/der_reader.h"
#include "libattest/hardware/platform_certificate.h"

namespace attest::hardware {

// read_configuration fills components, properties and configuration_version from the value of an
// attribute of type 2.23.133.5.1.7.1, .2 or .3.
Status read_configuration(ByteView value, unsigned version, UntrustedPlatformCertificate& into);

// read_platform_name takes manufacturer, model, version and serial from GeneralNames, where the
// profile puts them in a directory name.
Status read_platform_name(ByteView general_names, PlatformName& into);

}  // namespace attest::hardware
