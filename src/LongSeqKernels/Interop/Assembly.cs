using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Everything that crosses the border is blittable.
[assembly: DisableRuntimeMarshalling]

// Calls go to the library that NativeLoader loaded; nothing else is looked for, least of all in the current folder.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
