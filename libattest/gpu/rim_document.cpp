#include "libattest/gpu/rim_document.h"

#include <mutex>
#include <new>

namespace attest::gpu::rim {

namespace {

constexpr std::size_t max_rim = 4U << 20;

const xmlChar* xml_text(const std::string& text) {
  return reinterpret_cast<const xmlChar*>(text.c_str());
}

std::string_view text(const xmlChar* from) {
  return from == nullptr ? std::string_view() : reinterpret_cast<const char*>(from);
}

struct FreeText {
  void operator()(xmlChar* from) const { xmlFree(from); }
};
using OwnedText = std::unique_ptr<xmlChar, FreeText>;

struct FreeContext {
  void operator()(xmlParserCtxt* context) const { xmlFreeParserCtxt(context); }
};

}  // namespace

Result<Document> read_document(ByteView bytes) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { xmlInitParser(); });
  if (bytes.size() > max_rim)
    return fail(refused(rules::rim_too_large, "this is too large for a RIM file")
                    .expected("at most 4 MiB")
                    .found(std::to_string(bytes.size()) + " bytes"));
  const std::unique_ptr<xmlParserCtxt, FreeContext> context(xmlNewParserCtxt());
  if (!context) throw std::bad_alloc();
  Document document(xmlCtxtReadMemory(context.get(), reinterpret_cast<const char*>(bytes.data()),
                                      static_cast<int>(bytes.size()), nullptr, nullptr,
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
  if (!document || xmlDocGetRootElement(document.get()) == nullptr) {
    const xmlError* error = xmlCtxtGetLastError(context.get());
    Error problem = refused(rules::rim_xml, "this is not well-formed XML");
    if (error != nullptr) problem.within("line " + std::to_string(error->line));
    return fail(std::move(problem));
  }
  if (document->intSubset != nullptr || document->extSubset != nullptr)
    return fail(refused(rules::rim_xml, "a RIM file brings no document type")
                    .expected("XML without DOCTYPE"));
  return document;
}

bool is_element(const xmlNode* node, std::string_view name_space, std::string_view name) {
  return node->type == XML_ELEMENT_NODE && text(node->name) == name && node->ns != nullptr &&
         text(node->ns->href) == name_space;
}

std::optional<std::string> attribute(const xmlNode* element, std::string_view name,
                                     std::string_view name_space) {
  const std::string name_text(name);
  const std::string space_text(name_space);
  const OwnedText value(name_space.empty()
                            ? xmlGetNoNsProp(element, xml_text(name_text))
                            : xmlGetNsProp(element, xml_text(name_text), xml_text(space_text)));
  if (!value) return std::nullopt;
  return std::string(text(value.get()));
}

std::string text_of(const xmlNode* element) {
  const OwnedText content(xmlNodeGetContent(element));
  return std::string(text(content.get()));
}

std::vector<xmlNode*> children(const xmlNode* parent) {
  std::vector<xmlNode*> found;
  for (xmlNode* node = parent->children; node != nullptr; node = node->next)
    if (node->type == XML_ELEMENT_NODE) found.push_back(node);
  return found;
}

std::vector<xmlNode*> children(const xmlNode* parent, std::string_view name_space,
                               std::string_view name) {
  std::vector<xmlNode*> found = children(parent);
  std::erase_if(found, [&](const xmlNode* node) { return !is_element(node, name_space, name); });
  return found;
}

}  // namespace attest::gpu::rim
