namespace LongSeqKernels.Bindings.Tool;

internal enum FrontEnd
{
    Builtin,
    CppSharp,
}

/// <summary>The command line.</summary>
internal sealed record Arguments
{
    private const string Solution = "LongSeqKernels.sln";

    public required string Header { get; init; }

    public required string Output { get; init; }

    public required string Layouts { get; init; }

    public FrontEnd FrontEnd { get; init; }

    public bool Check { get; init; }

    public bool Help { get; init; }

    /// <exception cref="ArgumentException">An option is unknown, or lacks its value, or the defaults' repository is not found.</exception>
    public static Arguments Parse(string[] args)
    {
        string? header = null;
        string? output = null;
        string? layouts = null;
        FrontEnd frontEnd = FrontEnd.Builtin;
        bool check = false;
        bool help = false;
        for (int i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
            switch (args[i])
            {
                case "--header":
                    header = Value();
                    break;
                case "--out":
                    output = Value();
                    break;
                case "--layouts":
                    layouts = Value();
                    break;
                case "--front-end":
                    frontEnd = Value() switch
                    {
                        "builtin" => FrontEnd.Builtin,
                        "cppsharp" => FrontEnd.CppSharp,
                        string other => throw new ArgumentException($"--front-end is {other}; it must be builtin or cppsharp."),
                    };
                    break;
                case "--check":
                    check = true;
                    break;
                case "--help":
                    help = true;
                    break;
                default:
                    throw new ArgumentException($"{args[i]} is no option.");
            }
        }
        return new Arguments
        {
            Header = header ?? InRepository("native/include/longseqkernels/lsk.h"),
            Output = output ?? InRepository("src/LongSeqKernels/Interop/Generated/Lsk.g.cs"),
            Layouts = layouts ?? InRepository("native/src/api/struct_layouts.cpp"),
            FrontEnd = frontEnd,
            Check = check,
            Help = help,
        };
    }

    private static string InRepository(string path)
    {
        for (string? folder = AppContext.BaseDirectory; folder != null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, Solution)))
            {
                return Path.Combine(folder, path);
            }
        }
        throw new ArgumentException($"No {Solution} above {AppContext.BaseDirectory}: give --header, --out and --layouts.");
    }
}
