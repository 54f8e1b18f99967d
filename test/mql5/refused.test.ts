import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { refused, rules } from "./refused.ts";

const root = new URL("../../", import.meta.url).pathname;

describe("MetaEditor", () => {
  it.each([
    ["the Expert Advisor", ["gen/mql5/*.mqh", "clients/terminal/mql5/*.{mq5,mqh}"]],
    ["the tests' own programs", ["test/mql5/programs/*.{mq5,mqh}"]],
  ])("is not known to refuse anything of %s", (_, patterns) => {
    const files = globSync(patterns, { cwd: root });
    expect(files.length).toBeGreaterThan(1);
    expect(refused(files.map((path) => ({ path, text: readFileSync(root + path, "utf8") })))).toEqual([]);
  });
});

const types = "class A { int m_a; public: A(int a) { m_a = a; } int Get() const; }; struct S { int x; string y; }; ";

/** What breaks each rule. */
const broken: Readonly<Record<keyof typeof rules, readonly string[]>> = {
  "a word of C++ that MQL5 does not have": [
    "void f() { auto x = 1; }",
    "void f() { A *a = nullptr; }",
    "void f() { int x = static_cast<int>(1.5); }",
    "unsigned int x;",
    "namespace n { int x; }",
    "void f() { try { g(); } catch(int e) { } }",
    "void f() { goto end; }",
    "void f() { std::sort(); }",
    "#define X nullptr",
  ],
  "an arrow: members of pointers too are behind a point": ["void f(A *a) { a->Get(); }"],
  "an ellipsis": ["void f(string s, ...) { }"],
  "an attribute or a lambda": ["void f() { int x = g([](int y) { return y; }); }", "[[nodiscard]] int f();"],
  "a suffix of a whole number": ["ulong x = 1UL;", "long x = 0x10L;"],
  "a number in two's or with separators": ["int x = 0b101;", "int x = 1'000;"],
  "a prefix of a string": ['string x = u"a";', 'string x = R"(a)";'],
  "a string beyond ASCII: the file may be read by the computer's own code page": ['string x = "ß";', "int x = '€';"],
  "a name of more than 63 characters": [`int ${"x".repeat(64)};`],
  "a name that neither the program nor the reference of MQL5 has": [
    "void f() { memcpy(a, b); }",
    "void f() { int x = SYMBOL_DIGIT; }",
    "void f(MqlTickk &tick) { }",
    "void f() { utf8(); }",
    "#define X strlen(s)",
  ],
  "a directive that there is not": ["#pragma once", "#if 1\n#endif", '#import "a.dll"'],
  "an include in angle brackets, or of what is not .mqh": ["#include <Trade/Trade.mqh>", '#include "a.hpp"'],
  "a macro over several lines": ["#define X 1 + \\\n 2\n"],
  "a reserved word as a name": ["int group;", "void f(string input) { }", "struct T { double color; };"],
  "more than one base": ["class B : public A, public C { };"],
  "an enumeration without a name, with a type or as a class": [
    "enum { X };",
    "enum class E { X };",
    "enum E : int { X };",
  ],
  "a template but of typenames": [
    "template<int N> void f();",
    "template<> void f();",
    "template<class T> void f(T x);",
  ],
  "a member that is set where it is declared": ["class B { int m_x = 1; };", "struct T { static const int x = 1; };"],
  "a function that is defaulted": ["class B { B() = default; };"],
  "a variable beside the definition of its structure's end": ["struct T { int x; } t;"],
  "a string, an array without a size, a pointer or what has a constructor in a union": [
    "union U { string s; };",
    "union U { uchar b[]; };",
    "union U { A a; };",
  ],
  "an array that is handed over by value": ["void f(uchar a[]) { }", "void f(const int a[4]) { }"],
  "an object that is handed over by value": ["void f(S s) { }", "void f(const MqlTick tick) { }", "void f(const A a);"],
  "a pointer to what is no class": ["void f(int *x) { }", "S *s;", "void f(MqlTick *t);"],
  "a reference that is no parameter": ["void f() { S s; S &r = s; }", "int &f() { }", "struct T { int &r; };"],
  "a default of a reference": ["void f(S &s = x);"],
  "a function that answers an array": ["int[] f() { }"],
  "a value where a variable is wanted, for a parameter by reference": [
    'void f(const string &s) { } void g() { f("x"); }',
    "void f(const int a, const S &s) { } S make() { S s; return s; } void g() { f(1, make()); }",
    "void f(double &x) { } void g(double a) { f(a + 1); }",
  ],
  "an object of more than numbers, or with a constructor, that is set from a list or zeroed": [
    "void f() { A a = {}; }",
    "void f() { S s = {}; }",
    "struct T { S inner; }; void f() { T t = {}; }",
    "struct T { int numbers[]; }; void f() { T t = {}; }",
    "void f() { A a(1); ZeroMemory(a); }",
  ],
  "an object that is copied in brackets: that needs a constructor, an = does not": ["void f() { S s; S other(s); }"],
  "a function that answers an object of a class": ["A f() { A a(1); return a; }"],
  "a list of values but behind the = of a declaration": [
    "S f() { return {1, NULL}; }",
    "void f() { S s; s = {1, NULL}; }",
    "void f() { S s{1, NULL}; }",
    "void f() { g({1, 2}); }",
  ],
  "a variable of the program that is set by a function": ["int x = f();", "ulong began = GetTickCount64();"],
  "the address or the value of a pointer": ["void f(A *a) { A b = *a; }", "void f() { int x; g(&x); }"],
  "an array of new objects": ["void f() { A *a = new A[3]; }", "void f(A *a) { delete[] a; }"],
  "a size of a variable: of a dynamic array it is not the array's": ["void f() { uchar a[]; int n = sizeof(a); }"],
  "a string among the cases of a switch": ['void f(string s) { switch(s) { case "a": break; } }'],
  "a loop over a range": ["void f() { int a[2]; for(int x : a) { } }"],
  "a literal that its type does not hold": [
    "uchar x = 256;",
    "void f() { char x = -129; ushort y = 0x10000; }",
    "uint x = -1;",
  ],
  "an array of more than four dimensions": ["int x[1][2][3][4][5];"],
  "functions that differ by what they answer alone": ["int f(int x) { return x; } double f(int y) { return y; }"],
};

describe.each(Object.keys(rules))("refused: %s", (rule) => {
  it.each(broken[rule] ?? [])("%s", (text) => {
    const found = refused([{ path: "program.mq5", text: types + text.replace(/^#/, "\n#") }]);
    expect(found.filter((it) => it.includes(rule))).not.toEqual([]);
  });
  it("has a case", () => expect(broken[rule]?.length).toBeGreaterThan(0));
});

describe("not refused", () => {
  it.each([
    "class B : public A { public: B() : A(1) { } virtual int X(const int y = 1) = 0; };",
    "void f(const S &s, A *a, A *&b, const uchar &x[], int &y) { a.Get(); }",
    "int x = 5; const double y[] = {1, 2}; string z = NULL; ulong w = ulong(1);",
    "struct P { int x; int y[2]; }; void f() { P p = {}; S s; ZeroMemory(s); int n = p.x & 3; n = n * n; bool b = !(n && n); }",
    "void f(S &s) { } void g() { S many[]; f(many[0]); S one; f(one); }",
    'void f(const string s) { } void g() { f("x"); for(int i = 0, j = 1; i < 2; i++) { } for(;;) { } }',
    "union U { double d; ulong u; uchar b[8]; };",
    "uchar x = 255; char y = -128; uint z = 0xFFFFFFFF; double w = 1.5e3; float v = 1.5f;",
    "enum E { X, Y = 3, }; template<typename T, typename U> void f(T &a[], U b) { }",
    "int f(int x) { return x; } double f(double y) { return y; }",
    "void f(const E e) { switch(e) { case X: break; default: return; } } enum E { X };",
    "int n = sizeof(double) * 2;",
    "A *f(A *a) { A other(5); S s; S copy = s; return a; } S g() { S s; return s; }",
  ])("%s", (text) => expect(refused([{ path: "program.mq5", text: types + text }])).toEqual([]));
});
