using System.Globalization;
using CppSharp;
using CppSharp.AST;
using CppSharp.Parser;
using ClangParser = CppSharp.ClangParser;

namespace LongSeqKernels.Bindings;

/// <summary>
/// Reads the header with Clang, through CppSharp's parser: the layouts are those of a real C compiler. Nothing of CppSharp's own C# output is used.
/// Documents are left empty, as Clang attaches other comments than those of this header.
/// </summary>
public static class CppSharpHeaderReader
{
    /// <summary>Reads a header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="HeaderFormatException">Clang refuses it, or it declares something outside the subset.</exception>
    public static HeaderModel Read(string path)
    {
        using var options = new ParserOptions { LanguageVersion = LanguageVersion.C99 };
        options.Setup(Platform.Host);
        using ParserResult result = ClangParser.ParseSourceFile(Path.GetFullPath(path), options);
        for (uint i = 0; i < result.DiagnosticsCount; i++)
        {
            using ParserDiagnostic diagnostic = result.GetDiagnostics(i);
            if (diagnostic.Level is ParserDiagnosticLevel.Error or ParserDiagnosticLevel.Fatal)
            {
                throw new HeaderFormatException(diagnostic.LineNumber, diagnostic.Message);
            }
        }
        if (result.Kind != ParserResultKind.Success)
        {
            throw new HeaderFormatException(1, $"Clang answers {result.Kind}");
        }
        ASTContext context = ClangParser.ConvertASTContext(options.ASTContext);
        TranslationUnit unit = context.TranslationUnits.Single(u => u.IsValid && u.FileName == Path.GetFileName(path));
        return new HeaderModel(
            [.. unit.PreprocessedEntities.OfType<MacroDefinition>().Select(Constant).OfType<HeaderConstant>()],
            [.. unit.Enums.Select(Enumeration)],
            [.. unit.Classes.Where(c => c.IsIncomplete).Select(c => new HeaderHandle(c.Name, ""))],
            [.. unit.Classes.Where(c => !c.IsIncomplete).Select(Struct)],
            [.. unit.Functions.Select(Function)]);
    }

    private static HeaderConstant? Constant(MacroDefinition macro) =>
        long.TryParse(macro.Expression, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? new HeaderConstant(macro.Name, value, "")
            : null;

    private static HeaderEnum Enumeration(Enumeration e) =>
        new(e.Name, [.. e.Items.Select(item => new HeaderEnumMember(item.Name, unchecked((int)item.Value), ""))], "");

    private static HeaderStruct Struct(Class c)
    {
        var offsets = c.Layout.Fields.ToDictionary(field => field.Name, field => (int)field.Offset);
        return new HeaderStruct(
            c.Name,
            [.. c.Fields.Select(field => new HeaderField(field.Name, Type(field.QualifiedType, field), offsets[field.Name], ""))],
            c.Layout.Size,
            "");
    }

    private static HeaderFunction Function(Function function) =>
        new(
            function.Name,
            Type(function.ReturnType, function),
            [.. function.Parameters.Select(parameter => new HeaderParameter(parameter.Name, Type(parameter.QualifiedType, parameter)))],
            "");

    private static HeaderType Type(QualifiedType type, Declaration of)
    {
        int pointers = 0;
        while (type.Type is PointerType pointer)
        {
            type = pointer.QualifiedPointee;
            pointers++;
        }
        string name = type.Type switch
        {
            TypedefType typedef => typedef.Declaration.Name,
            TagType tag => tag.Declaration.Name,
            BuiltinType { Type: PrimitiveType.Void } => "void",
            BuiltinType { Type: PrimitiveType.Char } => "char",
            BuiltinType { Type: PrimitiveType.Float } => "float",
            BuiltinType { Type: PrimitiveType.Double } => "double",
            _ => throw new HeaderFormatException(of.LineNumberStart, $"{of.Name} of type {type.Type}"),
        };
        return new HeaderType(name, type.Qualifiers.IsConst, pointers);
    }
}
