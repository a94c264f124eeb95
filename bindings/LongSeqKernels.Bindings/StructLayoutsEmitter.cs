using System.Text;

namespace LongSeqKernels.Bindings;

/// <summary>Writes the C++ source behind <c>lsk_struct_layouts</c>: the table in which the native library tells how its compiler laid out every struct.</summary>
public static class StructLayoutsEmitter
{
    private const string Start = """
        // Name, size and field offsets of every struct of lsk.h as this compiler lays them out; bindings compare them with their own.
        // Written by the bindings tool from the header (bindings/README.md); do not edit.
        #include <cstddef>
        #include <string>
        #include "api/check.h"
        #include "api/error.h"

        using namespace lsk;

        namespace {
        struct Field {
            const char* name;
            size_t offset;
        };

        void append(std::string& table, const char* name, size_t size, std::initializer_list<Field> fields) {
            table += std::string(name) + " " + std::to_string(size);
            for (const Field& field : fields) table += std::string(" ") + field.name + ":" + std::to_string(field.offset);
            table += "\n";
        }

        std::string layouts() {
            std::string table;

        """;

    private const string End = """
            return table;
        }
        }  // namespace

        extern "C" lsk_status lsk_struct_layouts(const char** table) {
            return guarded([&] {
                check_result("table", table);
                static const std::string text = layouts();
                *table = text.c_str();
            });
        }

        """;

    /// <summary>Writes the source.</summary>
    /// <param name="model">The header.</param>
    public static string Emit(HeaderModel model)
    {
        var text = new StringBuilder(Start);
        foreach (HeaderStruct s in model.Structs)
        {
            text.Append($"    append(table, \"{s.Name}\", sizeof({s.Name}),\n           {{");
            text.AppendJoin(",\n            ", s.Fields.Select(field => $"{{\"{field.Name}\", offsetof({s.Name}, {field.Name})}}"));
            text.Append("});\n");
        }
        return text.Append(End).ToString().ReplaceLineEndings("\n");
    }
}
