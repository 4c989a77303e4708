// Certificates for the tests of this room, made once a process by the openssl program: a CA with a
// server ("localhost", 127.0.0.1) and a client certificate, and another CA that nobody trusts.
#pragma once

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "libattest/base/file.h"
#include "tests/support/temporary_directory.h"

namespace attest {

class TlsCertificates {
 public:
  static const TlsCertificates& instance() {
    static const TlsCertificates certificates;
    return certificates;
  }

  Path ca() const { return directory_.path() / "ca.pem"; }
  Path other_ca() const { return directory_.path() / "other.pem"; }
  Path server() const { return directory_.path() / "server.pem"; }
  Path server_key() const { return directory_.path() / "server.key"; }
  Path client() const { return directory_.path() / "client.pem"; }
  Path client_key() const { return directory_.path() / "client.key"; }
  Path stranger() const { return directory_.path() / "stranger.pem"; }  // a client of the other CA
  Path stranger_key() const { return directory_.path() / "stranger.key"; }

 private:
  TlsCertificates() {
    make_ca("ca");
    make_ca("other");
    make_leaf("server", "ca", "subjectAltName=IP:127.0.0.1,DNS:localhost", "serverAuth");
    make_leaf("client", "ca", "subjectAltName=DNS:client", "clientAuth");
    make_leaf("stranger", "other", "subjectAltName=DNS:client", "clientAuth");
  }

  void run(const std::string& command) const {
    const std::string quiet =
        "cd " + directory_.path().string() + " && " + command + " >out.txt 2>err.txt";
    if (std::system(quiet.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

  void make_ca(const std::string& name) const {
    run("umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj '/CN=Test " +
        name + "' -keyout " + name + ".key -out " + name +
        ".pem "
        "-addext keyUsage=critical,keyCertSign,cRLSign");
  }

  void make_leaf(const std::string& name, const std::string& ca, const std::string& san,
                 const std::string& usage) const {
    std::ofstream(directory_.path() / (name + ".ext"))
        << san << "\nextendedKeyUsage=" << usage << "\nbasicConstraints=critical,CA:FALSE\n";
    run("umask 077 && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=" +
        name + "' -keyout " + name + ".key -out " + name + ".csr && openssl x509 -req -in " + name +
        ".csr -CA " + ca + ".pem -CAkey " + ca + ".key -CAcreateserial -days 1 -extfile " + name +
        ".ext -out " + name + ".pem");
  }

  TemporaryDirectory directory_;
};

}  // namespace attest
