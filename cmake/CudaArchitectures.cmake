# The chips the library is compiled for: A100 class, L40S / RTX 4090 class, H100 / H200 with the instructions only they have ("a").
# The PTX of the first lets newer chips run until they get their own. The second gets its code from the PTX of the first, too: no kernel uses what only it
# has, and CMake's list of architectures would compile every source for it once more.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:--generate-code=arch=compute_80,code=[compute_80,sm_80,sm_89];--generate-code=arch=compute_90a,code=[sm_90a]>")
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
