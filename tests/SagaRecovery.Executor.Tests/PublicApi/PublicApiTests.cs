using System.Reflection;
using System.Runtime.CompilerServices;

namespace SagaRecovery.Executor.Tests.PublicApi;

/// <summary>
/// The public API of the packages, as text beside this file: a change is visible in review, and never an accident. Run with
/// the environment variable <c>UPDATE_PUBLIC_API=1</c> to write the files anew.
/// </summary>
public sealed class PublicApiTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Theory]
    [InlineData("SagaRecovery.Core")]
    [InlineData("SagaRecovery")]
    [InlineData("SagaRecovery.Executor")]
    [InlineData("SagaRecovery.Testing")]
    [InlineData("SagaRecovery.AspNetCore")]
    public void The_public_api_is_what_it_was(string assembly)
    {
        string file = Path.Combine(Repository.Root, "tests", "SagaRecovery.Executor.Tests", "PublicApi", assembly + ".txt");
        string present = string.Join('\n', Describe(Assembly.Load(assembly))) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_PUBLIC_API") == "1")
        {
            File.WriteAllText(file, present);
        }

        present.Split('\n').Should().Equal(File.ReadAllText(file).Split('\n'));
    }

    private static IEnumerable<string> Describe(Assembly assembly) =>
        from type in assembly.GetExportedTypes()
        orderby type.FullName
        from line in Describe(type)
        select line;

    private static IEnumerable<string> Describe(Type type)
    {
        yield return $"{Kind(type)} {type}";
        IEnumerable<string> members =
            from member in type.GetMembers(Declared)
            where IsVisible(member) && !IsAccessor(member) && !member.IsDefined(typeof(CompilerGeneratedAttribute))
            select $"    {member.MemberType.ToString().ToLowerInvariant()} {member}";
        foreach (string member in members.Order(StringComparer.Ordinal))
        {
            yield return member;
        }
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : type.IsAbstract && type.IsSealed ? "static class"
        : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";

    private static bool IsAccessor(MemberInfo member) => member is MethodInfo { IsSpecialName: true } && member.Name[..4] is "get_" or "set_";

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => field.IsPublic || field.IsFamily,
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(IsVisible),
        Type nested => nested.IsNestedPublic,
        _ => true,
    };
}
