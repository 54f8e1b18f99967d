package mt5bridge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// Address is where a bridge listens unless it is told otherwise.
const Address = "127.0.0.1:50051"

// Bridge is one connection to a bridge. Goroutines may share it.
type Bridge struct {
	// The services of the contract as they are; [FaultOf] reads their errors.
	Account pb.AccountServiceClient
	Tick    pb.TicksServiceClient
	Order   pb.OrdersServiceClient
	Health  pb.HealthServiceClient
	Admin   pb.AdminServiceClient

	// Keys is where order keys are kept.
	Keys KeyStore

	connection *grpc.ClientConn
	terms      Terms
	log        *slog.Logger
}

// Option says what is to be other than usual.
type Option func(*settings)

type settings struct {
	tls   *tls.Config
	token string
	keys  KeyStore
	terms Terms
	log   *slog.Logger
	dial  []grpc.DialOption
}

// WithTLS encrypts the connection; nil trusts the machine's authorities.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		s.tls = config
	}
}

// WithToken sends the API key, or the token, with every call. Use it with TLS, or on this machine.
func WithToken(token string) Option { return func(s *settings) { s.token = token } }

// WithKeys keeps order keys elsewhere than in the file mt5bridge-keys.jsonl of the current folder.
func WithKeys(keys KeyStore) Option { return func(s *settings) { s.keys = keys } }

// WithTerms waits and tries for other times than [DefaultTerms].
func WithTerms(terms Terms) Option { return func(s *settings) { s.terms = terms } }

// WithLog writes there of interruptions, rather than to [slog.Default].
func WithLog(log *slog.Logger) Option { return func(s *settings) { s.log = log } }

// WithDialOptions hands further options to grpc.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// New makes a connection ready, to a host and port of gRPC (50051) or of HTTP (8001); it is opened when it is first
// needed. Close it.
func New(address string, options ...Option) (*Bridge, error) {
	s := settings{terms: DefaultTerms, log: slog.Default()}
	for _, option := range options {
		option(&s)
	}
	if s.keys == nil {
		file, err := OpenKeyFile("mt5bridge-keys.jsonl")
		if err != nil {
			return nil, err
		}
		s.keys = file
	}
	connection, err := grpc.NewClient(address, s.dialOptions()...)
	if err != nil {
		return nil, err
	}
	return &Bridge{
		Account:    pb.NewAccountServiceClient(connection),
		Tick:       pb.NewTicksServiceClient(connection),
		Order:      pb.NewOrdersServiceClient(connection),
		Health:     pb.NewHealthServiceClient(connection),
		Admin:      pb.NewAdminServiceClient(connection),
		Keys:       s.keys,
		connection: connection,
		terms:      s.terms,
		log:        s.log,
	}, nil
}

// Close ends every stream and lets go of the connection.
func (b *Bridge) Close() error { return b.connection.Close() }

func (s *settings) dialOptions() []grpc.DialOption {
	transport := insecure.NewCredentials()
	if s.tls != nil {
		transport = credentials.NewTLS(s.tls)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		// A bridge that restarts is back in a second or two: do not stay away for longer than our own pauses.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		// A bridge that has vanished without a word is noticed by these.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64 << 20)),
	}
	if s.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(s.token)))
	}
	return append(options, s.dial...)
}

type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

// RequireTransportSecurity is left to whoever chooses the address: on this machine a token needs no TLS.
func (bearer) RequireTransportSecurity() bool { return false }
