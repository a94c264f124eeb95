using System.Globalization;

namespace LongSeqKernels.Bindings;

/// <summary>
/// Reads the subset of C that the header keeps to (bindings/README.md lists it) and refuses everything else, with the line. A document is the
/// comment right above a declaration, or behind a member on its line.
/// </summary>
public sealed class HeaderReader
{
    private const string Export = "LSK_API";
    private const string StatusType = "lsk_status";

    private readonly List<Token> _tokens;
    private readonly List<HeaderConstant> _constants = [];
    private readonly List<HeaderEnum> _enums = [];
    private readonly List<HeaderHandle> _handles = [];
    private readonly List<HeaderStruct> _structs = [];
    private readonly List<HeaderFunction> _functions = [];
    private int _at;

    private HeaderReader(string text) => _tokens = HeaderTokens.Of(text);

    private Token Current => _tokens[_at];

    /// <summary>Reads a header.</summary>
    /// <param name="text">The whole text.</param>
    /// <exception cref="HeaderFormatException">It holds something outside the subset.</exception>
    public static HeaderModel Read(string text)
    {
        var reader = new HeaderReader(text.ReplaceLineEndings("\n"));
        reader.ReadAll();
        return new HeaderModel(reader._constants, reader._enums, reader._handles, reader._structs, reader._functions);
    }

    private void ReadAll()
    {
        while (Current.Kind != TokenKind.End)
        {
            switch (Current)
            {
                case { Kind: TokenKind.Comment }:
                    _at++;
                    break;
                case { Kind: TokenKind.Directive }:
                    ReadDirective();
                    break;
                case { Kind: TokenKind.Word, Text: "typedef" }:
                    ReadTypedef();
                    break;
                case { Kind: TokenKind.Word, Text: Export }:
                    ReadFunction();
                    break;
                default:
                    throw Unexpected($"a typedef, a function marked {Export} or a constant");
            }
        }
    }

    /// <summary>Include guards, the C++ linkage block and the definition of the export mark carry nothing; what is left are constants.</summary>
    private void ReadDirective()
    {
        Token token = Current;
        string[] words = WithoutComment(token.Text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        switch (words)
        {
            case ["#include", ..]:
            case ["#ifndef", _]:
            case ["#endif"]:
            case ["#define", _]:
                _at++;
                break;
            case ["#ifdef", "__cplusplus"]:
            case ["#if", "defined(_WIN32)"]:
                SkipConditional();
                break;
            case ["#define", var name, var value] when int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number):
                _constants.Add(new HeaderConstant(name, number, DocAbove()));
                _at++;
                break;
            default:
                throw new HeaderFormatException(token.Line, $"{token.Text.Trim()}; macros are integer constants, and the only conditions __cplusplus and defined(_WIN32)");
        }
    }

    private void SkipConditional()
    {
        int start = Current.Line;
        do
        {
            _at++;
            if (Current.Kind == TokenKind.End)
            {
                throw new HeaderFormatException(start, "a condition without #endif");
            }
        }
        while (Current.Kind != TokenKind.Directive || !Current.Text.StartsWith("#endif", StringComparison.Ordinal));
        _at++;
    }

    private void ReadTypedef()
    {
        string doc = DocAbove();
        _at++;
        switch (Word("enum or struct"))
        {
            case "enum":
                ReadEnum(doc);
                break;
            case "struct":
                ReadStruct(doc);
                break;
            default:
                _at--;
                throw Unexpected("enum or struct: typedefs of other types, unions and callbacks are outside the subset");
        }
    }

    private void ReadEnum(string doc)
    {
        string name = Word("the enum's name");
        Symbol("{");
        var members = new List<HeaderEnumMember>();
        while (Current.Text != "}")
        {
            string member = Word("a member");
            Symbol("=");
            int value = Number();
            bool last = Current.Text != ",";
            if (!last)
            {
                _at++;
            }
            members.Add(new HeaderEnumMember(member, value, DocBehind()));
            if (last)
            {
                break;
            }
        }
        EndTypedef(name);
        _enums.Add(new HeaderEnum(name, members, doc));
    }

    private void ReadStruct(string doc)
    {
        int line = Current.Line;
        string name = Word("the struct's name");
        if (Current.Text != "{")
        {
            if (Word("the struct's name again, or {") != name)
            {
                throw new HeaderFormatException(line, $"a typedef of struct {name} under another name");
            }
            Symbol(";");
            string behind = DocBehind();
            _handles.Add(new HeaderHandle(name, doc.Length > 0 ? doc : behind));
            return;
        }
        Symbol("{");
        var fields = new List<(string, HeaderType, string)>();
        while (Current.Text != "}")
        {
            SkipComments();
            if (Current.Text == "}")
            {
                break;
            }
            int fieldLine = Current.Line;
            (HeaderType type, string field) = Declaration("field");
            if (type.Pointers > 1 || (type.Pointers == 0 && !StructLayout.Scalars.ContainsKey(type.Name)))
            {
                throw new HeaderFormatException(fieldLine, $"field {field} of type {type}; a field is a number or one pointer");
            }
            Symbol(";");
            fields.Add((field, type, DocBehind()));
        }
        EndTypedef(name);
        if (fields is not [("struct_size", { Name: "uint32_t", Pointers: 0 }, _), ..])
        {
            throw new HeaderFormatException(line, $"struct {name} must start with uint32_t struct_size");
        }
        _structs.Add(StructLayout.Place(name, fields, doc));
    }

    private void EndTypedef(string name)
    {
        Symbol("}");
        int line = Current.Line;
        string again = Word($"{name} again");
        if (again != name)
        {
            throw new HeaderFormatException(line, $"{again}; a typedef has the name of its enum or struct, {name}");
        }
        Symbol(";");
    }

    private void ReadFunction()
    {
        string doc = DocAbove();
        int line = Current.Line;
        _at++;
        (HeaderType result, string name) = Declaration("function");
        if (result is not ({ Name: StatusType, Pointers: 0 } or { Name: "char", IsConst: true, Pointers: 1 }))
        {
            throw new HeaderFormatException(line, $"{name} returns {result}; a function returns {StatusType}, or const char* for a text");
        }
        Symbol("(");
        var parameters = new List<HeaderParameter>();
        if (Current.Text == "void" && _tokens[_at + 1].Text == ")")
        {
            _at++;
        }
        else
        {
            do
            {
                int parameterLine = Current.Line;
                (HeaderType type, string parameter) = Declaration("parameter");
                CheckParameter(parameterLine, parameter, type);
                parameters.Add(new HeaderParameter(parameter, type));
            }
            while (TrySymbol(","));
        }
        Symbol(")");
        Symbol(";");
        _functions.Add(new HeaderFunction(name, result, parameters, doc));
    }

    private void CheckParameter(int line, string name, HeaderType type)
    {
        bool scalar = StructLayout.Scalars.ContainsKey(type.Name);
        bool handle = _handles.Exists(h => h.Name == type.Name);
        bool structure = _structs.Exists(s => s.Name == type.Name);
        bool fits = type.Pointers switch
        {
            0 => scalar,
            1 => scalar || handle || structure || type.Name == "void",
            2 => handle || type.Name == "void" || type is { Name: "char", IsConst: true },
            _ => false,
        };
        if (!fits)
        {
            throw new HeaderFormatException(
                line, $"parameter {name} of type {type}; a parameter is a number, or a pointer to a number, to void or to a type declared above");
        }
    }

    /// <summary>A type and a name: <c>const int64_t* offsets</c>.</summary>
    private (HeaderType Type, string Name) Declaration(string what)
    {
        bool isConst = Current.Text == "const";
        if (isConst)
        {
            _at++;
        }
        int line = Current.Line;
        string type = Word($"the type of a {what}");
        if (type is "int" or "unsigned" or "long" or "short" or "size_t" or "bool" or "_Bool" or "union" or "struct" or "enum")
        {
            throw new HeaderFormatException(line, $"{type} as the type of a {what}; integers have fixed widths, and structs and enums their typedef's name");
        }
        int pointers = 0;
        while (TrySymbol("*"))
        {
            pointers++;
        }
        if (pointers == 0 && type == "void")
        {
            throw new HeaderFormatException(line, $"a {what} of type void");
        }
        string name = Word($"the name of a {what}");
        if (Current.Text is "[" or ":")
        {
            throw Unexpected($"no array and no bit-field as a {what}");
        }
        return (new HeaderType(type, isConst, pointers), name);
    }

    private string Word(string mustBe)
    {
        SkipComments();
        return Current.Kind == TokenKind.Word ? _tokens[_at++].Text : throw Unexpected(mustBe);
    }

    private int Number()
    {
        SkipComments();
        return Current.Kind == TokenKind.Number ? int.Parse(_tokens[_at++].Text, CultureInfo.InvariantCulture) : throw Unexpected("a decimal number");
    }

    private void Symbol(string symbol)
    {
        if (!TrySymbol(symbol))
        {
            throw Unexpected(symbol);
        }
    }

    private bool TrySymbol(string symbol)
    {
        SkipComments();
        if (Current.Kind != TokenKind.Symbol || Current.Text != symbol)
        {
            return false;
        }
        _at++;
        return true;
    }

    private void SkipComments()
    {
        while (Current.Kind == TokenKind.Comment)
        {
            _at++;
        }
    }

    /// <summary>The comment that ends on the line above the current token.</summary>
    private string DocAbove() =>
        _at > 0 && _tokens[_at - 1] is { Kind: TokenKind.Comment } comment && comment.LastLine == Current.Line - 1 ? Plain(comment.Text) : "";

    /// <summary>The comment behind the token that was read last.</summary>
    private string DocBehind()
    {
        int line = _tokens[_at - 1].Line;
        return Current.Kind == TokenKind.Comment && Current.Line == line ? Plain(_tokens[_at++].Text) : "";
    }

    private static string Plain(string comment) =>
        string.Join(' ', comment.Split('\n').Select(line => line.Trim().TrimStart('*').Trim()).Where(line => line.Length > 0));

    private static string WithoutComment(string directive)
    {
        int comment = directive.IndexOf("/*", StringComparison.Ordinal);
        return comment < 0 ? directive : directive[..comment];
    }

    private HeaderFormatException Unexpected(string mustBe) =>
        new(Current.Line, $"{(Current.Kind == TokenKind.End ? "the end of the header" : Current.Text)} where there must be {mustBe}");
}
