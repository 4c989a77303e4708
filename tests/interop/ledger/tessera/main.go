// tessera writes a log with tessera's POSIX driver, as fast as it takes entries, and says how fast.
//
//	tessera -directory DIR -origin NAME -entries N [-size BYTES] [-exact]
//
// It prints one line of JSON: the verifier key, and entries a second until each had an index and
// until a checkpoint covered the last.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	badger "github.com/transparency-dev/tessera/storage/posix/antispam"
	"golang.org/x/mod/sumdb/note"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func content(size int) []byte {
	entry := make([]byte, size)
	_, err := rand.Read(entry)
	check(err)
	return entry
}

// add waits and tries again where the log pushes back, as its documents ask.
func add(ctx context.Context, appender *tessera.Appender, entry []byte) tessera.Index {
	for {
		index, err := appender.Add(ctx, tessera.NewEntry(entry))()
		if err == nil {
			return index
		}
		if !errors.Is(err, tessera.ErrPushback) {
			log.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func main() {
	directory := flag.String("directory", "", "where the log lies")
	origin := flag.String("origin", "tessera.example/log", "its name")
	count := flag.Int("entries", 10000, "how many")
	size := flag.Int("size", 300, "bytes of each")
	exact := flag.Bool("exact", false, "with persistent deduplication")
	interval := flag.Duration("checkpoints", time.Second, "between checkpoints")
	flag.Parse()
	ctx := context.Background()

	secret, public, err := note.GenerateKey(rand.Reader, *origin)
	check(err)
	signer, err := note.NewSigner(secret)
	check(err)
	driver, err := posix.New(ctx, posix.Config{Path: *directory})
	check(err)
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithCheckpointInterval(*interval).WithBatching(1024, 100*time.Millisecond).
		WithPushback(16384)
	if *exact {
		kept, err := badger.NewAntispam(ctx, filepath.Join(*directory, ".state", "antispam"), badger.AntispamOpts{})
		check(err)
		options = options.WithAntispam(tessera.DefaultAntispamInMemorySize, kept)
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	check(err)

	entries := make([][]byte, *count)
	for i := range entries {
		entries[i] = content(*size)
	}
	const callers = 8192
	work := make(chan []byte)
	var last tessera.Index
	var lock sync.Mutex
	var waiting sync.WaitGroup
	start := time.Now()
	for range callers {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			for entry := range work {
				index := add(ctx, appender, entry)
				lock.Lock()
				last.Index = max(last.Index, index.Index)
				lock.Unlock()
			}
		}()
	}
	for _, entry := range entries {
		work <- entry
	}
	close(work)
	waiting.Wait()
	indexed := time.Since(start).Seconds()
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 20*time.Millisecond)
	_, _, err = awaiter.Await(ctx, func() (tessera.Index, error) { return last, nil })
	check(err)
	covered := time.Since(start).Seconds()
	check(shutdown(ctx))
	n := float64(*count)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"key": public, "indexed_a_second": n / indexed, "covered_a_second": n / covered}))
}
