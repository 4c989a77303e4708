// The XML of a RIM file, read once and kept. For sources of this room.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/gpu/rim.h"

namespace attest::gpu::rim {

inline constexpr std::string_view swid = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
inline constexpr std::string_view sha384_hashes = "http://www.w3.org/2001/04/xmlenc#sha384";
inline constexpr std::string_view dsig = "http://www.w3.org/2000/09/xmldsig#";

struct FreeDocument {
  void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
};
using Document = std::unique_ptr<xmlDoc, FreeDocument>;

// read_document parses well-formed XML without a DTD; nothing is fetched and no entity expanded.
Result<Document> read_document(ByteView bytes);

// Elements. Text of an attribute is taken as it stands; an absent one is nothing.
bool is_element(const xmlNode* node, std::string_view name_space, std::string_view name);
std::optional<std::string> attribute(const xmlNode* element, std::string_view name,
                                     std::string_view name_space = {});
std::string text_of(const xmlNode* element);
std::vector<xmlNode*> children(const xmlNode* parent);  // elements only
std::vector<xmlNode*> children(const xmlNode* parent, std::string_view name_space,
                               std::string_view name);

// read_content reads Meta and Payload; signatures are not looked at.
Result<RimContent> read_content(const xmlDoc* document);

// check_signature checks the form of the document's one signature and that the first certificate
// in it signed the document; it gives those certificates.
Result<std::vector<Certificate>> check_signature(xmlDoc* document);
// initialise_xmlsec makes xmlsec1 usable, once for the process: a second xmlSecInit would lose the
// lists of the first. False where xmlsec1 cannot be used.
bool initialise_xmlsec();

// signature_of gives the signature element; rim_unsigned where there is none, rim_signature_form
// where there are several or it stands elsewhere than right below the root.
Result<xmlNode*> signature_of(const xmlDoc* document);
Result<std::vector<Certificate>> certificates_of(const xmlNode* signature);

}  // namespace attest::gpu::rim
