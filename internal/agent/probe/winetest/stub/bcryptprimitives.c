// What Go's runtime needs of bcryptprimitives.dll, which the Wine of Debian 12 does not have.
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); // RtlGenRandom

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n) {
    while (n) {
        ULONG part = n > 0x10000000 ? 0x10000000 : (ULONG)n;
        if (!SystemFunction036(p, part)) return FALSE;
        p += part;
        n -= part;
    }
    return TRUE;
}
