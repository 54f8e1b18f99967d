// What a program finds in the terminal, over a scripted broker: what test/mql5/terminal holds, following what is documented
// of the real one. Nothing here has been compared with a real terminal.
#pragma once
#include "language.hpp"
#include "terminal/functions.hpp"
