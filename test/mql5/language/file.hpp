// Files, in the terminal's sandbox: the folder that the environment's MQL5_FILES names, or with FILE_COMMON its
// subfolder Common.
//
// What is written and not flushed is lost when the process is killed, as in the terminal. A file that is open cannot be
// moved, deleted or opened once more without sharing, as Windows has it. Reading behind writing needs a FileFlush between
// them, which the reference asks for: without it the program is stopped here.
#pragma once
#include <sys/stat.h>
#include <filesystem>
#include <map>
#include <system_error>
#include "format.hpp"

namespace mql {

inline constexpr int FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_CSV = 8, FILE_TXT = 16, FILE_ANSI = 32,
                     FILE_UNICODE = 64, FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256, FILE_REWRITE = 512,
                     FILE_COMMON = 4096;
enum ENUM_FILE_POSITION : int { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2 };
inline constexpr int ERR_WRONG_FILENAME = 5002, ERR_CANNOT_OPEN_FILE = 5004, ERR_CANNOT_DELETE_FILE = 5006,
                     ERR_INVALID_FILEHANDLE = 5007, ERR_FILE_READERROR = 5015, ERR_FILE_IS_DIRECTORY = 5018,
                     ERR_FILE_NOT_EXIST = 5019, ERR_FILE_CANNOT_REWRITE = 5020, ERR_FILE_WRITEERROR = 5026;

struct OpenFile {
  std::FILE *file;
  std::filesystem::path path;
  bool shared;
  bool written;
};
inline std::map<int, OpenFile> &openFiles() {
  static std::map<int, OpenFile> files;
  return files;
}
inline bool failed(int error) {
  lastError = error;
  return false;
}
inline OpenFile *openFile(int handle) {
  const auto found = openFiles().find(handle);
  if (found == openFiles().end()) lastError = ERR_INVALID_FILEHANDLE;
  return found == openFiles().end() ? nullptr : &found->second;
}
inline std::FILE *fileOf(int handle) {
  OpenFile *open = openFile(handle);
  return open == nullptr ? nullptr : open->file;
}
inline std::FILE *fileToRead(int handle) {
  OpenFile *open = openFile(handle);
  if (open != nullptr && open->written) critical("a file is read behind writing without FileFlush");
  return open == nullptr ? nullptr : open->file;
}
inline std::FILE *fileToWrite(int handle) {
  OpenFile *open = openFile(handle);
  if (open != nullptr) open->written = true;
  return open == nullptr ? nullptr : open->file;
}
inline bool isOpen(const std::filesystem::path &path, bool sharing = false) {
  for (const auto &[handle, open] : openFiles()) {
    if (open.path == path && !(open.shared && sharing)) return true;
  }
  return false;
}

/** Empty for a name that leads out of the sandbox. */
inline std::filesystem::path pathOf(const String &name, int flags) {
  const char *folder = std::getenv("MQL5_FILES");
  if (folder == nullptr) critical("MQL5_FILES names no folder for the program's files");
  std::string inside = name.bytes();
  std::replace(inside.begin(), inside.end(), '\\', '/');
  const std::filesystem::path relative(inside);
  bool out = inside.empty() || relative.is_absolute() || inside.find(':') != std::string::npos;
  for (const auto &part : relative) out = out || part == "..";
  if (out) return {};
  return std::filesystem::path(folder) / (flags & FILE_COMMON ? "Common" : "") / relative;
}

inline int FileOpen(const String &name, int flags, short = '\t', uint = CP_ACP) {
  const auto path = pathOf(name, flags);
  if (path.empty()) return failed(ERR_WRONG_FILENAME), INVALID_HANDLE;
  std::error_code error;
  const bool writes = flags & FILE_WRITE, reads = flags & FILE_READ;
  if (!(flags & FILE_BIN)) critical("only binary files are known here (FILE_BIN)");
  if (writes) std::filesystem::create_directories(path.parent_path(), error);
  const bool there = std::filesystem::exists(path, error);
  if (!writes && !there) return failed(ERR_FILE_NOT_EXIST), INVALID_HANDLE;
  if (std::filesystem::is_directory(path, error)) return failed(ERR_FILE_IS_DIRECTORY), INVALID_HANDLE;
  const bool sharing = flags & (FILE_SHARE_READ | FILE_SHARE_WRITE);
  if (isOpen(path, sharing)) return failed(ERR_CANNOT_OPEN_FILE), INVALID_HANDLE;
  // Opened for both, what is there stays; opened for writing alone it is emptied.
  std::FILE *file = std::fopen(path.c_str(), !writes ? "rb" : reads && there ? "r+b" : "w+b");
  if (file == nullptr) return failed(ERR_CANNOT_OPEN_FILE), INVALID_HANDLE;
  int handle = 1;
  while (openFiles().contains(handle)) handle++;
  openFiles()[handle] = {file, path, sharing, false};
  return handle;
}
inline void FileClose(int handle) {
  std::FILE *file = fileOf(handle);
  if (file == nullptr) return;
  std::fclose(file);
  openFiles().erase(handle);
}
inline void FileFlush(int handle) {
  OpenFile *open = openFile(handle);
  if (open == nullptr) return;
  std::fflush(open->file);
  open->written = false;
}
inline bool FileSeek(int handle, long offset, ENUM_FILE_POSITION origin) {
  std::FILE *file = fileOf(handle);
  return file != nullptr && std::fseek(file, offset, origin) == 0;
}
inline ulong FileTell(int handle) {
  std::FILE *file = fileOf(handle);
  return file == nullptr ? 0 : static_cast<ulong>(std::ftell(file));
}
inline ulong FileSize(int handle) {
  std::FILE *file = fileOf(handle);
  if (file == nullptr) return 0;
  std::fflush(file);
  struct stat facts {};
  return fstat(fileno(file), &facts) == 0 ? static_cast<ulong>(facts.st_size) : 0;
}
inline bool FileIsEnding(int handle) { return FileTell(handle) >= FileSize(handle); }

inline bool FileIsExist(const String &name, int flags = 0) {
  std::error_code error;
  const auto path = pathOf(name, flags);
  if (path.empty()) return failed(ERR_WRONG_FILENAME);
  return std::filesystem::is_regular_file(path, error) || failed(ERR_FILE_NOT_EXIST);
}
inline bool FileDelete(const String &name, int flags = 0) {
  std::error_code error;
  const auto path = pathOf(name, flags);
  if (path.empty()) return failed(ERR_WRONG_FILENAME);
  return (!isOpen(path) && std::filesystem::is_regular_file(path, error) && std::filesystem::remove(path, error)) || failed(ERR_CANNOT_DELETE_FILE);
}
/** Over a file that is there only with FILE_REWRITE. */
inline bool FileMove(const String &from, int fromFlags, const String &to, int toFlags) {
  std::error_code error;
  const auto source = pathOf(from, fromFlags), target = pathOf(to, toFlags);
  if (source.empty() || target.empty()) return failed(ERR_WRONG_FILENAME);
  if (!std::filesystem::is_regular_file(source, error)) return failed(ERR_FILE_NOT_EXIST);
  if (std::filesystem::exists(target, error) && !(toFlags & FILE_REWRITE)) return failed(ERR_FILE_CANNOT_REWRITE);
  if (isOpen(source) || isOpen(target)) return failed(ERR_CANNOT_OPEN_FILE);
  std::filesystem::create_directories(target.parent_path(), error);
  std::filesystem::rename(source, target, error);
  return !error || failed(ERR_CANNOT_OPEN_FILE);
}

/** How many elements were written. */
template <Number T>
uint FileWriteArray(int handle, const Array<T> &from, long start = 0, long count = WHOLE_ARRAY) {
  std::FILE *file = fileToWrite(handle);
  if (file == nullptr || start < 0 || start > from.size()) return 0;
  const long wanted = count < 0 ? from.size() - start : std::min(count, from.size() - start);
  const auto written = std::fwrite(from.data() + start, sizeof(T), static_cast<std::size_t>(wanted), file);
  if (static_cast<long>(written) < wanted) lastError = ERR_FILE_WRITEERROR;
  return static_cast<uint>(written);
}
/** How many elements were read. Without a count: up to the end of the file, and the array grows if it can. */
template <Number T>
uint FileReadArray(int handle, Array<T> &to, long start = 0, long count = WHOLE_ARRAY) {
  std::FILE *file = fileToRead(handle);
  if (file == nullptr || start < 0) return 0;
  const long left = static_cast<long>((FileSize(handle) - FileTell(handle)) / sizeof(T));
  long wanted = count < 0 ? left : std::min(count, left);
  if (start + wanted > to.size() && !to.resize(start + wanted)) wanted = std::max(0L, to.size() - start);
  return static_cast<uint>(std::fread(to.data() + start, sizeof(T), static_cast<std::size_t>(wanted), file));
}

template <Number T>
uint writeNumber(int handle, T value) {
  std::FILE *file = fileToWrite(handle);
  const bool done = file != nullptr && std::fwrite(&value, sizeof value, 1, file) == 1;
  if (file != nullptr && !done) lastError = ERR_FILE_WRITEERROR;
  return done ? sizeof value : 0;
}
/** 0 when there is none. */
template <Number T>
T readNumber(int handle) {
  std::FILE *file = fileToRead(handle);
  T value{};
  if (file != nullptr && std::fread(&value, sizeof value, 1, file) != 1) lastError = ERR_FILE_READERROR;
  return value;
}
inline uint FileWriteLong(int handle, long value) { return writeNumber(handle, value); }
inline uint FileWriteDouble(int handle, double value) { return writeNumber(handle, value); }
inline uint FileWriteInteger(int handle, int value, int size = 4) {
  return size == 1   ? writeNumber(handle, static_cast<char>(value))
         : size == 2 ? writeNumber(handle, static_cast<short>(value))
                     : writeNumber(handle, value);
}
inline long FileReadLong(int handle) { return readNumber<long>(handle); }
inline double FileReadDouble(int handle) { return readNumber<double>(handle); }
inline int FileReadInteger(int handle, int size = 4) {
  return size == 1 ? readNumber<char>(handle) : size == 2 ? readNumber<short>(handle) : readNumber<int>(handle);
}

}  // namespace mql

