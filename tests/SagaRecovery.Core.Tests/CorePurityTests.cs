using System.Reflection;
using System.Xml.Linq;
using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Core.Tests;

/// <summary>The core is pure: no package, no I/O, no clock, no async, no logger.</summary>
public class CorePurityTests
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Assembly Core = typeof(SagaTracker).Assembly;

    private static readonly string[] AllowedReferences =
    [
        "System.Collections",
        "System.ComponentModel.TypeConverter", // reads a coordinator id from configuration
        "System.Linq",
        "System.Memory",
        "System.ObjectModel", // TypeConverterAttribute
        "System.Runtime",
        "System.Runtime.InteropServices",
        "System.Security.Cryptography", // the hash that makes a coordinator id from a name
        "System.Threading",
        "System.Threading.Channels",
    ];

    private static readonly string[] BannedTypes =
    [
        "System.Diagnostics.Stopwatch",
        "System.IO.Stream",
        "System.Random",
        "System.Threading.Tasks.Task",
        "System.Threading.Tasks.Task`1",
        "System.Threading.Tasks.ValueTask",
        "System.Threading.Tasks.ValueTask`1",
        "System.Threading.Timer",
        "System.TimeProvider",
        "System.Collections.Generic.IAsyncEnumerable`1",
        "Microsoft.Extensions.Logging.ILogger",
        "Microsoft.Extensions.Logging.ILogger`1",
    ];

    [Fact]
    public void The_core_references_the_plain_framework_only() =>
        Core.GetReferencedAssemblies().Select(reference => reference.Name).Should().BeSubsetOf(AllowedReferences);

    [Fact]
    public void The_project_of_the_core_names_no_package_project_or_framework()
    {
        XDocument project = XDocument.Load(Path.Combine(Repository.Root, "src", "SagaRecovery.Core", "SagaRecovery.Core.csproj"));

        project.Descendants().Select(element => element.Name.LocalName)
            .Should().NotContain(["PackageReference", "ProjectReference", "FrameworkReference", "Reference"]);
        project.Root!.Attribute("Sdk")!.Value.Should().Be("Microsoft.NET.Sdk");
    }

    [Fact]
    public void No_member_of_the_core_takes_returns_or_keeps_a_task_a_clock_a_logger_or_a_stream()
    {
        IEnumerable<string> impure =
            from type in Core.GetTypes()
            from member in type.GetMembers(Everything)
            from used in TypesOf(member)
            from named in WithArguments(used)
            where BannedTypes.Contains(FullName(named))
            select $"{type}.{member.Name}: {named}";

        impure.Should().BeEmpty();
    }

    [Fact]
    public void The_search_for_impure_members_finds_them()
    {
        Type[] used = [.. typeof(Impure).GetMembers(Everything).SelectMany(TypesOf).SelectMany(WithArguments)];

        used.Select(FullName).Intersect(BannedTypes).Should().BeEquivalentTo(
            "System.IO.Stream",
            "System.Threading.Tasks.Task",
            "System.Threading.Tasks.Task`1",
            "System.Threading.Tasks.ValueTask",
            "System.TimeProvider");
    }

    private static IEnumerable<Type> TypesOf(MemberInfo member) => member switch
    {
        MethodInfo method => [method.ReturnType, .. method.GetParameters().Select(parameter => parameter.ParameterType)],
        ConstructorInfo constructor => constructor.GetParameters().Select(parameter => parameter.ParameterType),
        FieldInfo field => [field.FieldType],
        PropertyInfo property => [property.PropertyType],
        EventInfo raised => [raised.EventHandlerType!],
        _ => [],
    };

    /// <summary>The type, what it is an array of, what it is made of, and what it derives from.</summary>
    private static IEnumerable<Type> WithArguments(Type type)
    {
        IEnumerable<Type> parts = type.HasElementType ? [type.GetElementType()!] : type.GetGenericArguments();
        IEnumerable<Type> bases = type.BaseType is { } parent ? [parent] : [];
        return [type, .. bases, .. parts.Where(part => !part.IsGenericParameter).SelectMany(WithArguments)];
    }

    private static string? FullName(Type type) => (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName;

    private abstract class Impure
    {
        protected MemoryStream? Kept { get; set; }

        protected abstract Func<Task<int>> Returns();

        protected abstract void Takes(ref TimeProvider clock, List<ValueTask[]> tasks);
    }
}
