// Runs the Expert Advisor as the terminal would, as a process: one handler at a time, over the scripted broker.
//
// The environment says how (see ea.ts); lines on the standard input change the scripted broker while it runs:
//   price SYMBOL BID ASK [COUNT]   so many ticks of it, all in one millisecond
//   connected 0|1                  the terminal's link to the broker
//   algo 0|1                       algorithmic trading
//   account LOGIN SERVER MODE      another one is logged in
//   by-hand SYMBOL LOTS            a person buys, at the broker
#include <csignal>

namespace {

using namespace mql;
volatile std::sig_atomic_t stopping = 0;

void control(const std::string &line) {
  auto &broker = mql::broker::scripted();
  std::istringstream words(line);
  std::string what, name;
  words >> what;
  if (what == "price") {
    double bid = 0, ask = 0;
    long count = 1;
    words >> name >> bid >> ask;
    words >> count;
    const long now = mql::broker::nowMs();
    for (long i = 0; i < std::max(1L, count); i++) broker.price(name, bid, ask, now);
  } else if (what == "connected") words >> broker.connected;
  else if (what == "algo") words >> broker.algoAllowed;
  else if (what == "account") words >> broker.login >> broker.server >> broker.tradeMode;
  else if (what == "by-hand") {
    MqlTradeRequest request{};
    words >> name >> request.volume;
    request.action = TRADE_ACTION_DEAL;
    request.symbol = String(std::string_view(name));
    request.type_filling = ORDER_FILLING_FOK;
    broker.send(request);
  }
}

/** Waits for lines up to a millisecond, and obeys them. */
void listen() {
  static std::string waiting;
  static bool open = true;
  if (!open) {
    ::poll(nullptr, 0, 1);
    return;
  }
  if (!mql::terminal::await(0, POLLIN, 1)) return;
  char bytes[4096];
  const auto count = ::read(0, bytes, sizeof bytes);
  open = count > 0;
  for (long i = 0; i < count; i++) {
    if (bytes[i] != '\n') waiting += bytes[i];
    else {
      control(waiting);
      waiting.clear();
    }
  }
}

void handle(const mql::terminal::Event &event) {
  auto &events = mql::terminal::events;
  events.handlerRuns = true;
  switch (event.kind) {
    case mql::terminal::Event::tick: program::OnTick(); break;
    case mql::terminal::Event::timer: program::OnTimer(); break;
    case mql::terminal::Event::book: program::OnBookEvent(String(std::string_view(event.symbol))); break;
    case mql::terminal::Event::transaction:
      if (event.transaction_.type == TRADE_TRANSACTION_REQUEST) mql::terminal::step("before-answer");
      program::OnTradeTransaction(event.transaction_, event.request, event.result);
      if (event.transaction_.type == TRADE_TRANSACTION_REQUEST) mql::terminal::step("after-answer");
      break;
  }
  // What came meanwhile came while the handler ran.
  mql::broker::scripted().ticks(mql::broker::nowMs());
  events.handlerRuns = false;
}

/** Names under which those who start any terminal's side give its settings. */
const std::map<std::string, std::string> alsoNamed = {
    {"BridgeAddress", "BRIDGE_ADDRESS"},
    {"BridgeToken", "BRIDGE_TOKEN"},
    {"MaxVolume", "TERMINAL_MAX_VOLUME"},
    {"MaxOrdersPerMinute", "TERMINAL_MAX_ORDERS_PER_MINUTE"},
    {"AllowedSymbols", "TERMINAL_ALLOWED_SYMBOLS"},
    {"DeadManPolicy", "TERMINAL_DEAD_MAN"},
    {"DeadManSeconds", "TERMINAL_DEAD_MAN_SECONDS"},
    {"FirstPauseMilliseconds", "TERMINAL_RETRY_MS"},
    {"RingReports", "TERMINAL_RING"},
    {"AnswerPatienceMilliseconds", "TERMINAL_PATIENCE_MS"},
    {"BrokerDropsAfterMilliseconds", "TERMINAL_PATIENCE_MS"},
};

/** The trader's settings, from the environment's INPUT_name. */
bool setInputs() {
  const std::map<std::string, std::string> policies = {{"none", "0"}, {"cancel", "1"}, {"flatten", "2"}};
  for (const auto &[name, set] : mql::inputs()) {
    const auto also = alsoNamed.find(name);
    const char *text = std::getenv(("INPUT_" + name).c_str());
    if (text == nullptr && also != alsoNamed.end()) text = std::getenv(also->second.c_str());
    if (text == nullptr || *text == '\0') continue;
    const auto policy = policies.find(text);
    if (!set(policy == policies.end() ? text : policy->second)) {
      std::fprintf(stderr, "%s cannot be read: %s\n", name.c_str(), text);
      return false;
    }
  }
  return true;
}

/** The folder of everything that outlives the process: the program's files, and the broker's book beside them. */
void keepState() {
  const std::string folder = mql::broker::env("TERMINAL_STATE", "");
  if (folder.empty()) return;
  ::setenv("MQL5_FILES", (folder + "/files").c_str(), 0);
  ::setenv("TERMINAL_BOOK", (folder + "/book").c_str(), 0);
  std::filesystem::create_directories(folder);
}

}  // namespace

int main() {
  std::signal(SIGTERM, [](int) { stopping = 1; });
  std::signal(SIGINT, [](int) { stopping = 1; });
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes where the peer is gone; it is then told so
  keepState();
  if (!setInputs()) return 2;
  mql::broker::scripted();
  if (program::OnInit() != INIT_SUCCEEDED) return 2;
  while (!stopping) {
    auto &events = mql::terminal::events;
    mql::broker::scripted().advance();
    events.timer(mql::broker::nowMs());
    mql::terminal::Event event;
    if (events.next(event)) handle(event);
    else listen();
  }
  // The terminal ends a program that takes longer than 2.5 s to say goodbye.
  ::alarm(3);
  const auto began = mql::GetTickCount64();
  program::OnDeinit(REASON_CLOSE);
  if (mql::GetTickCount64() - began > 2500) return 3;
  return 0;
}
