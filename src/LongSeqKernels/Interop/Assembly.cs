using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Everything that crosses the border is blittable.
[assembly: DisableRuntimeMarshalling]

// Beside the application and the assembly, and where the loader looks by itself; never in the current folder.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
