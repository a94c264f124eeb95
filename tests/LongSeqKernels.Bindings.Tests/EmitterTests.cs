using LongSeqKernels.Bindings;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What each construct of the header becomes, one golden text per construct.</summary>
public sealed class EmitterTests
{
    private const string Version = "#define LSK_ABI_VERSION 3\n";

    private const string Declarations = """
        typedef enum lsk_status { LSK_OK = 0 } lsk_status;
        typedef struct lsk_context lsk_context;
        typedef struct lsk_event lsk_event;
        typedef struct lsk_shape { uint32_t struct_size; } lsk_shape;

        """;

    [Test]
    public void TheLibraryHasTheAbiInItsName() => AssertEmits(Version, """
        /// <summary>The functions of the C ABI.</summary>
        internal static unsafe partial class Lsk
        {
            /// <summary>The library without the prefix and suffix of the platform.</summary>
            public const string Library = "longseqkernels_abi3";

            public const int LskAbiVersion = 3;
        }
        """);

    [Test]
    public void Enum() => AssertEmits(Version + """
        /* How rows & <columns> are stored. */
        typedef enum lsk_encoding {
            LSK_ENCODING_INT8 = 1, /* -127..127 */
            LSK_OUT_OF_MEMORY = -2
        } lsk_encoding;
        """, """
        /// <summary>How rows &amp; &lt;columns&gt; are stored.</summary>
        internal enum LskEncoding
        {
            /// <summary>-127..127</summary>
            Int8 = 1,
            OutOfMemory = -2,
        }
        """);

    [Test]
    public void Struct() => AssertEmits(Version + """
        typedef struct lsk_merge_states_shape {
            uint32_t struct_size;
            int64_t first_moment;     /* [rows] */
            const float* outputs;
            const void* keys;
            void* key_gradient;
            const char* name;
            double unit;
        } lsk_merge_states_shape;
        """, """
        [StructLayout(LayoutKind.Sequential)]
        internal unsafe struct LskMergeStatesShape
        {
            public uint StructSize;
            /// <summary>[rows]</summary>
            public long FirstMoment;
            public float* Outputs;
            public void* Keys;
            public void* KeyGradient;
            public byte* Name;
            public double Unit;
        }
        """);

    [TestCase("LSK_API lsk_status lsk_count(int32_t* count);", "LskStatus Count(out int count)")]
    [TestCase("LSK_API lsk_status lsk_context_create(int32_t device, lsk_context** context);", "LskStatus ContextCreate(int device, out nint context)")]
    [TestCase("LSK_API lsk_status lsk_context_destroy(lsk_context* context);", "LskStatus ContextDestroy(nint context)")]
    [TestCase("LSK_API lsk_status lsk_event_record(lsk_event* event, void* cuda_stream);", "LskStatus EventRecord(EventHandle @event, void* cudaStream)")]
    [TestCase("LSK_API lsk_status lsk_plan(lsk_context* context, const lsk_shape* shape);", "LskStatus Plan(ContextHandle context, in LskShape shape)")]
    [TestCase("LSK_API lsk_status lsk_info(lsk_context* context, lsk_shape* shape);", "LskStatus Info(ContextHandle context, ref LskShape shape)")]
    [TestCase("LSK_API lsk_status lsk_target(const char** target);", "LskStatus Target(out nint target)")]
    [TestCase("LSK_API lsk_status lsk_copy(void* destination, const void* source, int64_t bytes);", "LskStatus Copy(void* destination, void* source, long bytes)")]
    [TestCase("LSK_API lsk_status lsk_offsets(const int64_t* offsets, float scale);", "LskStatus Offsets(long* offsets, float scale)")]
    [TestCase("LSK_API const char* lsk_last_error(void);", "byte* LastError()")]
    public void Function(string declaration, string signature)
    {
        string entryPoint = declaration.Split('(')[0].Split(' ', '*')[^1];
        AssertEmits(Version + Declarations + "/* What it does. */\n" + declaration, $"""
                /// <summary>What it does.</summary>
                [LibraryImport(Library, EntryPoint = "{entryPoint}")]
                [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
                public static partial {signature};
            """);
    }

    [Test]
    public void AHeaderWithoutItsVersionIsRefused() =>
        Assert.That(() => LibraryImportEmitter.Emit(HeaderReader.Read(Declarations)), Throws.ArgumentException.With.Message.Contains("LSK_ABI_VERSION"));

    [Test]
    public void TheSameHeaderGivesTheSameBytesWhateverItsLineEnds()
    {
        string header = Repository.Read(Repository.HeaderPath);
        string text = LibraryImportEmitter.Emit(HeaderReader.Read(header));

        Assert.That(LibraryImportEmitter.Emit(HeaderReader.Read(header.ReplaceLineEndings("\r\n"))), Is.EqualTo(text));
        Assert.That(text, Does.Not.Contain('\r'));
    }

    private static void AssertEmits(string header, string golden)
    {
        string text = LibraryImportEmitter.Emit(HeaderReader.Read(header));
        Assert.That(text, Does.Contain(golden.ReplaceLineEndings("\n")));
    }
}
