//! Makes Rust of the .slint files.

fn main() {
    // Tests find elements by name, and that needs the names.
    let config = slint_build::CompilerConfiguration::new()
        .with_debug_info(true)
        .with_style("fluent".to_owned())
        // A sentence is the same wherever it stands.
        .with_default_translation_context(slint_build::DefaultTranslationContext::None)
        .with_bundled_translations("lang");
    slint_build::compile_with_config("ui/app.slint", config).expect("the .slint files are right");
}
