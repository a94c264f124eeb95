namespace LongSeqKernels.Bindings.Tool;

internal static class FrontEnds
{
    /// <exception cref="NotSupportedException">The front end is left out of this build.</exception>
    public static HeaderModel Read(FrontEnd frontEnd, string header) =>
        frontEnd == FrontEnd.Builtin ? HeaderReader.Read(File.ReadAllText(header)) : ReadWithCppSharp(header);

#if LSK_CPPSHARP
    private static HeaderModel ReadWithCppSharp(string header) => CppSharpHeaderReader.Read(header);
#else
    private static HeaderModel ReadWithCppSharp(string header) =>
        throw new NotSupportedException("the front end cppsharp is left out of this build, because the package CppSharp could not be restored (bindings/README.md)");
#endif
}
