// follow verifies a C2SP log with the libraries of golang.org/x/mod alone: the note, the tree, each
// entry, and that the tree continues the one of the checkpoint seen before.
//
//	follow -key VKEY [-ca ca.pem] [-state FILE] URL-or-DIRECTORY
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8 // of C2SP tlog-tiles

// source reads the log's files by their C2SP path.
type source func(path string) ([]byte, error)

func directory(root string) source {
	return func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(root, path)) }
}

func server(prefix, ca string) source {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if ca != "" {
		text, err := os.ReadFile(ca)
		check(err)
		pool.AppendCertsFromPEM(text)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	return func(path string) ([]byte, error) {
		answer, err := client.Get(strings.TrimSuffix(prefix, "/") + "/" + path)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", path, answer.Status)
		}
		return io.ReadAll(answer.Body)
	}
}

// tilePath writes the path of C2SP tlog-tiles, which is that of sumdb without the height.
func tilePath(tile tlog.Tile) string {
	name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return strings.Replace(name, "tile/data/", "tile/entries/", 1)
}

type tiles struct{ read source }

func (t tiles) Height() int { return tileHeight }
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := t.read(tilePath(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// checkpoint opens a note by the log's key and reads the tree that it signs.
func checkpoint(text []byte, key note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree := tlog.Tree{N: size}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || copy(tree.Hash[:], root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("the root is no hash")
	}
	return tree, nil
}

// bundle splits an entry bundle.
func bundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a torn bundle")
		}
		length := int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	return entries, nil
}

// verifyEntries hashes every entry, and proves every 61st and the last to be in the tree.
func verifyEntries(read source, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		data, err := read(tilePath(tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: int(width)}))
		if err != nil {
			return err
		}
		entries, err := bundle(data)
		if err != nil || int64(len(entries)) != width {
			return fmt.Errorf("entries %d: %d of %d: %v", first, len(entries), width, err)
		}
		for i, entry := range entries {
			index := first + int64(i)
			leaf := tlog.RecordHash(entry)
			stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil || stored[0] != leaf {
				return fmt.Errorf("entry %d is not the one in the tree: %v", index, err)
			}
			if index%61 != 0 && index != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
				return fmt.Errorf("entry %d: %v", index, err)
			}
		}
	}
	return nil
}

func follow(read source, key note.Verifier, state string) error {
	text, err := read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := checkpoint(text, key)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, tiles{read})
	if tree.N > 0 {
		root, err := tlog.TreeHash(tree.N, hashes)
		if err != nil || root != tree.Hash {
			return fmt.Errorf("the tiles do not give the signed root: %v", err)
		}
		if err := verifyEntries(read, tree, hashes); err != nil {
			return err
		}
	}
	from := tlog.Tree{}
	if seen, err := os.ReadFile(state); err == nil {
		if from, err = checkpoint(seen, key); err != nil {
			return err
		}
		if from.N > tree.N || (from.N == tree.N && from.Hash != tree.Hash) {
			return errors.New("the log went back")
		}
		if 0 < from.N && from.N < tree.N {
			proof, err := tlog.ProveTree(tree.N, from.N, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, tree.N, tree.Hash, from.N, from.Hash); err != nil {
				return fmt.Errorf("not a continuation: %v", err)
			}
		}
	} else if state != "" && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Printf("%s: %d entries hold, continuing %d\n", key.Name(), tree.N, from.N)
	if state == "" {
		return nil
	}
	return os.WriteFile(state, bytes.Clone(text), 0o644)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	log.SetFlags(0)
	text := flag.String("key", "", "the log's verifier key")
	ca := flag.String("ca", "", "certificates to trust for the URL")
	state := flag.String("state", "", "keeps the checkpoint seen last")
	flag.Parse()
	key, err := note.NewVerifier(*text)
	check(err)
	read := directory(flag.Arg(0))
	if strings.Contains(flag.Arg(0), "://") {
		read = server(flag.Arg(0), *ca)
	}
	check(follow(read, key, *state))
}
