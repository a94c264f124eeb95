using LongSeqKernels.Bindings;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What the reader understands, and what it refuses with the line.</summary>
public sealed class HeaderReaderTests
{
    private const string Status = "typedef enum lsk_status { LSK_OK = 0 } lsk_status;\n";

    [Test]
    public void DocumentsAreTheCommentAboveOrBehind()
    {
        HeaderModel model = HeaderReader.Read("""
            /* A section. */

            /* The outcome
             * of a call. */
            typedef enum lsk_status {
                LSK_OK = 0,      /* fine */
                LSK_FAILED = -2  /* not fine */
            } lsk_status;
            typedef struct lsk_thing lsk_thing; /* a thing */
            /* A shape. */
            typedef struct lsk_shape {
                uint32_t struct_size;
                const int64_t* offsets; /* [segments + 1] */
            } lsk_shape;
            """);

        Assert.That(model.Enums.Single().Doc, Is.EqualTo("The outcome of a call."));
        Assert.That(model.Enums.Single().Members, Is.EqualTo(new[] { new HeaderEnumMember("LSK_OK", 0, "fine"), new HeaderEnumMember("LSK_FAILED", -2, "not fine") }));
        Assert.That(model.Handles.Single(), Is.EqualTo(new HeaderHandle("lsk_thing", "a thing")));
        Assert.That(model.Structs.Single().Doc, Is.EqualTo("A shape."));
        Assert.That(model.Structs.Single().Fields[1], Is.EqualTo(new HeaderField("offsets", new HeaderType("int64_t", true, 1), 8, "[segments + 1]")));
    }

    [Test]
    public void LayoutsAreThoseOfC()
    {
        HeaderStruct s = HeaderReader.Read("""
            typedef struct lsk_s { uint32_t struct_size; int8_t a; int16_t b; double c; float d; void* e; uint8_t f; } lsk_s;
            """).Structs.Single();

        Assert.That(s.Fields.Select(f => f.Offset), Is.EqualTo(new[] { 0, 4, 6, 8, 16, 24, 32 }));
        Assert.That(s.Size, Is.EqualTo(40));
    }

    [Test]
    public void GuardsAndTheExportMarkCarryNothing()
    {
        HeaderModel model = HeaderReader.Read("""
            #ifndef LSK_H
            #define LSK_H
            #include <stdint.h>
            #ifdef __cplusplus
            extern "C" {
            #endif
            #if defined(_WIN32)
            #define LSK_API __declspec(dllexport)
            #else
            #define LSK_API __attribute__((visibility("default")))
            #endif
            /* The version. */
            #define LSK_ABI_VERSION 7 /* of this */
            #ifdef __cplusplus
            }
            #endif
            #endif
            """);

        Assert.That(model.Constants, Is.EqualTo(new[] { new HeaderConstant("LSK_ABI_VERSION", 7, "The version.") }));
    }

    [TestCase("typedef struct lsk_s { uint32_t struct_size; int a; } lsk_s;", 1, "int as the type of a field")]
    [TestCase("typedef struct lsk_s {\n uint32_t struct_size;\n int32_t a : 3;\n} lsk_s;", 3, "no array and no bit-field")]
    [TestCase("typedef struct lsk_s {\n uint32_t struct_size;\n int32_t a[3];\n} lsk_s;", 3, "no array and no bit-field")]
    [TestCase("typedef struct lsk_s {\n uint32_t struct_size;\n int32_t** a;\n} lsk_s;", 3, "a number or one pointer")]
    [TestCase("typedef struct lsk_s {\n uint32_t struct_size;\n union { int32_t a; } u;\n} lsk_s;", 3, "union as the type of a field")]
    [TestCase("typedef struct lsk_s {\n uint32_t struct_size;\n lsk_other a;\n} lsk_s;", 3, "a number or one pointer")]
    [TestCase("typedef struct lsk_s { int32_t a; } lsk_s;", 1, "must start with uint32_t struct_size")]
    [TestCase("typedef struct lsk_s { uint32_t struct_size; } lsk_t;", 1, "its enum or struct, lsk_s")]
    [TestCase("typedef enum lsk_e { LSK_A } lsk_e;", 1, "must be =")]
    [TestCase("typedef enum lsk_e { LSK_A = 0x1 } lsk_e;", 1, "decimal integers")]
    [TestCase("typedef union lsk_u { int32_t a; } lsk_u;", 1, "outside the subset")]
    [TestCase("typedef void (*lsk_callback)(void* user);", 1, "outside the subset")]
    [TestCase("lsk_status lsk_f(void);", 1, "a function marked LSK_API")]
    [TestCase("LSK_API void lsk_f(int32_t a);", 1, "a function of type void")]
    [TestCase("LSK_API int32_t lsk_f(int32_t a);", 1, "a function returns lsk_status")]
    [TestCase("LSK_API lsk_status lsk_f(int32_t a, ...);", 1, "the type of a parameter")]
    [TestCase("LSK_API lsk_status lsk_f(lsk_unknown* a);", 1, "a type declared above")]
    [TestCase("LSK_API lsk_status lsk_f(void* a[2]);", 1, "no array")]
    [TestCase("LSK_API lsk_status lsk_f(const char*** a);", 1, "a pointer to a number")]
    [TestCase("\n\n// a comment", 3, "// comment")]
    [TestCase("#define LSK_MAX(a, b) a", 1, "integer constants")]
    [TestCase("#define LSK_A \\\n 1", 1, "several lines")]
    [TestCase("#if FOO", 1, "only conditions")]
    [TestCase("#ifdef __cplusplus\nextern", 1, "without #endif")]
    [TestCase("/* never", 1, "never ends")]
    [TestCase("static int32_t x;", 1, "a typedef, a function")]
    [TestCase("typedef enum lsk_e {", 1, "the end of the header")]
    public void AnythingElseIsRefusedWithItsLine(string text, int line, string message)
    {
        HeaderFormatException refusal = Assert.Throws<HeaderFormatException>(() => HeaderReader.Read(text.StartsWith("LSK_API", StringComparison.Ordinal) ? Status.TrimEnd() + text : text))!;

        Assert.That(refusal.Line, Is.EqualTo(line));
        Assert.That(refusal.Message, Does.StartWith($"line {line}: ").And.Contain(message));
    }

    [Test]
    public void NoPrefixOfTheHeaderBreaksTheReader()
    {
        string header = Repository.Read(Repository.HeaderPath);
        for (int length = 0; length < header.Length; length += 7)
        {
            try
            {
                HeaderReader.Read(header[..length]);
            }
            catch (HeaderFormatException)
            {
                // The only exception that a bad header may lead to.
            }
        }
    }
}
