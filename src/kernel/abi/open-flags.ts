// Flags of open(2), as x86_64 and arm64 number them. Source: include/uapi/asm-generic/fcntl.h and, for arm64,
// arch/arm64/include/uapi/asm/fcntl.h, which differs in O_DIRECTORY; hence O_PATH alone names directories here: the
// chdir that follows checks what they are.

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
export const O_PATH = 0o10000000;
