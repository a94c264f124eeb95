using LongSeqKernels.Bindings;
using LongSeqKernels.Bindings.Tool;

const string Usage = """
    Writes what is derived from the C header: the C# bindings, and the C++ table of struct layouts that tests compare them with.

      dotnet run --project bindings/LongSeqKernels.Bindings.Tool -- [options]

      --header FILE                    the header; default native/include/longseqkernels/lsk.h of this repository
      --out FILE                       the bindings; default src/LongSeqKernels/Interop/Generated/Lsk.g.cs
      --layouts FILE                   the table; default native/src/api/struct_layouts.cpp
      --check                          write nothing; exit 1 if a file is not what would be written
      --front-end builtin|cppsharp     who reads the header; default builtin. cppsharp carries no documents over
    """;

Arguments arguments;
try
{
    arguments = Arguments.Parse(args);
}
catch (ArgumentException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{Usage}");
    return 2;
}
if (arguments.Help)
{
    Console.WriteLine(Usage);
    return 0;
}
try
{
    HeaderModel model = FrontEnds.Read(arguments.FrontEnd, arguments.Header);
    bool bindings = Write(arguments.Output, LibraryImportEmitter.Emit(model));
    bool layouts = Write(arguments.Layouts, StructLayoutsEmitter.Emit(model));
    return bindings && layouts ? 0 : 1;
}
catch (Exception e) when (e is HeaderFormatException or IOException or NotSupportedException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"{arguments.Header}: {e.Message}");
    return 1;
}

bool Write(string path, string text)
{
    if (File.Exists(path) && File.ReadAllText(path) == text)
    {
        Console.WriteLine($"{path} is current.");
        return true;
    }
    if (arguments.Check)
    {
        Console.Error.WriteLine($"{path} is not what {arguments.Header} gives. Write it with: dotnet run --project bindings/LongSeqKernels.Bindings.Tool");
        return false;
    }
    File.WriteAllText(path, text);
    Console.WriteLine($"{path} written.");
    return true;
}
