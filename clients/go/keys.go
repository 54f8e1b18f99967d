package mt5bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// Sending is a request on its way to the bridge.
type Sending struct {
	// Key is its client_order_id.
	Key string `json:"key"`
	// Method is the RPC, for example PlaceOrder.
	Method string `json:"method"`
	// Request is the request as protobuf's JSON.
	Request json.RawMessage `json:"request"`
}

// KeyStore keeps the keys of orders, so that a strategy that dies can find out what became of them. A key is written
// down before its request leaves, and again once the bridge has answered; what is left between the two is pending.
// Goroutines may call it at the same time.
type KeyStore interface {
	// Sent keeps it, and returns when it would survive a crash. The request leaves only then, and not after an error.
	Sent(Sending) error
	// Answered says that the bridge has told what became of it; losing this is harmless.
	Answered(key string) error
	// Pending is what was sent and has not been answered, or is in doubt at the bridge itself; oldest first.
	Pending() []Sending
}

// KeysInMemory is for tests, and for strategies that keep their keys elsewhere. The zero value is ready.
type KeysInMemory struct {
	mutex   sync.Mutex
	pending []Sending
}

// Sent implements [KeyStore].
func (k *KeysInMemory) Sent(sending Sending) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	isSame := func(other Sending) bool { return other.Key == sending.Key }
	if !slices.ContainsFunc(k.pending, isSame) {
		k.pending = append(k.pending, sending)
	}
	return nil
}

// Answered implements [KeyStore].
func (k *KeysInMemory) Answered(key string) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.pending = slices.DeleteFunc(k.pending, func(sending Sending) bool { return sending.Key == key })
	return nil
}

// Pending implements [KeyStore].
func (k *KeysInMemory) Pending() []Sending {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return slices.Clone(k.pending)
}

// KeyFile is a file of JSON lines, which is only ever added to.
type KeyFile struct {
	mutex sync.Mutex
	path  string
	known KeysInMemory
	torn  bool
}

type keyLine struct {
	Sent     *Sending `json:"sent,omitempty"`
	Answered string   `json:"answered,omitempty"`
}

// OpenKeyFile reads what is there; the file is made with the first key.
func OpenKeyFile(path string) (*KeyFile, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// A crash may have left half a line: nothing was sent for it.
	file := &KeyFile{path: path, torn: len(data) > 0 && !bytes.HasSuffix(data, []byte("\n"))}
	for text := range bytes.SplitSeq(data, []byte("\n")) {
		var line keyLine
		if json.Unmarshal(text, &line) != nil {
			continue
		}
		if line.Sent != nil {
			_ = file.known.Sent(*line.Sent)
		} else {
			_ = file.known.Answered(line.Answered)
		}
	}
	return file, nil
}

// Sent implements [KeyStore].
func (k *KeyFile) Sent(sending Sending) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if err := k.add(keyLine{Sent: &sending}, true); err != nil {
		return err
	}
	return k.known.Sent(sending)
}

// Answered implements [KeyStore].
func (k *KeyFile) Answered(key string) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if err := k.add(keyLine{Answered: key}, false); err != nil {
		return err
	}
	return k.known.Answered(key)
}

// Pending implements [KeyStore].
func (k *KeyFile) Pending() []Sending { return k.known.Pending() }

func (k *KeyFile) add(line keyLine, sync bool) (err error) {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if k.torn {
		text = append([]byte{'\n'}, text...)
	}
	file, err := os.OpenFile(k.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	k.torn = true
	if _, err := file.Write(text); err != nil {
		return err
	}
	k.torn = false
	if sync {
		return file.Sync()
	}
	return nil
}
